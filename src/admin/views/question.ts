import { err, ok, type Result } from '../../kernel/result.ts';

/** A request that somebody asks about, as they wrote it. */
export interface Question {
  readonly method: string;
  /** undefined: the question leaves it open. */
  readonly scheme: 'http' | 'https' | undefined;
  /** As in the Host header. */
  readonly authority: string;
  readonly port: number | undefined;
  readonly path: string;
  /** '' or from the '?' on. */
  readonly query: string;
  /** Names in lower case. */
  readonly headers: readonly (readonly [name: string, value: string])[];
}

const REQUEST =
  /^(?:([A-Za-z-]+)\s+)?(?:(https?):\/\/)?(\[[^\]\s]*\]|[^/?#:\s]+)(?::(\d{1,5}))?(\/[^?#\s]*)?(\?[^#\s]*)?(?:#\S*)?$/;

/** Reads `GET https://shop.example.com/cart?x=1`; method and scheme may be left out. The path is taken as it stands: `..` in it is not resolved here. */
export function readQuestion(text: string, headerLines: readonly string[]): Result<Question, string> {
  const parts = REQUEST.exec(text.trim());
  const mistake = err(`'${text}' is not a request; write one as 'GET https://shop.example.com/cart'`);
  // A method alone would pass for a host.
  if (parts === null || /^[A-Z]+$/.test(text.trim())) return mistake;
  const [, method = 'GET', scheme, host = '', port, path = '/', query = ''] = parts;
  if (Number(port ?? 0) > 65_535) return mistake;
  const headers: (readonly [string, string])[] = [];
  for (const line of headerLines) {
    const colon = line.indexOf(':');
    if (colon <= 0) return err(`'${line}' is not a header; write one as 'x-preview: pr-7'`);
    headers.push([line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim()]);
  }
  const hostHeader = headers.find(([name]) => name === 'host')?.[1];
  return ok({
    method: method.toUpperCase(),
    scheme: scheme as 'http' | 'https' | undefined,
    authority: hostHeader ?? (port === undefined ? host : `${host}:${port}`),
    port: port === undefined ? undefined : Number(port),
    path,
    query,
    headers: headers.filter(([name]) => name !== 'host'),
  });
}
