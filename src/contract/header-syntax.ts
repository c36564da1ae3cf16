/** These belong to one message, and are made anew for the next. */
const OF_THE_MESSAGE: ReadonlySet<string> = new Set([
  'connection',
  'content-length',
  'date',
  'keep-alive',
  'proxy-connection',
  'server',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
]);

/** Somebody who is asked has no say in framing, nor in what HTTP/2 writes as headers. `name` in lower case. */
export const mayBeSet = (name: string): boolean => !name.startsWith(':') && !OF_THE_MESSAGE.has(name);

/** Nor may the request be moved to another host. */
export const mayBeSetOnRequest = (name: string): boolean => mayBeSet(name) && name !== 'host';

/** RFC 9110 §5.1; a colon before it as HTTP/2 writes what is no header. */
export const isHeaderName = (name: string): boolean => /^:?[\w!#$%&'*+\-.^`|~]+$/.test(name);

/** RFC 9110 §5.5: nothing that could end the line. */
export function isHeaderValue(value: string): boolean {
  for (let i = 0; i < value.length; i++) {
    const code = value.charCodeAt(i);
    if ((code < 0x20 && code !== 0x09) || code === 0x7f) return false;
  }
  return true;
}
