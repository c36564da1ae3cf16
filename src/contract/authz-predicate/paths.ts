import { toBytes } from '../../table/bytes.ts';
import { anyText, type TextTest } from './texts.ts';

/** Paths without their query, normalised, not decoded: the value forms and templates (istio-semantics §6.3). */
export function anyPath(values: readonly string[], wide: boolean): TextTest {
  const plain = anyText(values.filter((value) => !isTemplate(value)));
  const templates = values.filter(isTemplate).map((value) => templateTest(toBytes(value), wide));
  if (templates.length === 0) return plain;
  return (value) => {
    if (plain(value)) return true;
    for (const fits of templates) if (fits(value)) return true;
    return false;
  };
}

const isTemplate = (path: string): boolean => path.includes('{*}') || path.includes('{**}');

const REST = '/{**}';

/**
 * `{*}`: one segment that is not empty; `{**}`: zero or more characters over segments, the last operator, perhaps with
 * literal segments after it. A rule that denies takes any byte for an operator, Envoy takes those of RFC 3986's pchar.
 */
function templateTest(template: string, wide: boolean): TextTest {
  const restAt = template.indexOf(REST);
  const head = (restAt < 0 ? template : template.slice(0, restAt)).split('/');
  const tail = restAt < 0 ? undefined : template.slice(restAt + REST.length);
  const mayHold = wide ? () => true : isPathText;
  return (path) => {
    const end = matchSegments(head, path, mayHold);
    if (end < 0) return false;
    if (tail === undefined) return end === path.length;
    const restStart = end + 1;
    const restEnd = path.length - tail.length;
    return path[end] === '/' && restStart <= restEnd && path.endsWith(tail) && mayHold(path, restStart, restEnd);
  };
}

type SpanTest = (path: string, start: number, end: number) => boolean;

/** Where the segments end in the path; -1: they do not fit. */
function matchSegments(segments: readonly string[], path: string, mayHold: SpanTest): number {
  let at = 0;
  for (let i = 0; i < segments.length; i++) {
    const segment = segments[i] as string;
    if (i > 0 && path[at++] !== '/') return -1;
    if (segment !== '{*}') {
      if (!path.startsWith(segment, at)) return -1;
      at += segment.length;
      continue;
    }
    const slash = path.indexOf('/', at);
    const end = slash < 0 ? path.length : slash;
    if (end === at || !mayHold(path, at, end)) return -1;
    at = end;
  }
  return at;
}

/** By code: pchar of RFC 3986, and the slash, which no single segment has. */
const PATH_TEXT: readonly boolean[] = Array.from({ length: 128 }, (_, code) =>
  /[A-Za-z0-9\-._~%!$&'()*+,;:@=/]/.test(String.fromCharCode(code)),
);

function isPathText(path: string, start: number, end: number): boolean {
  for (let i = start; i < end; i++) if (PATH_TEXT[path.charCodeAt(i)] !== true) return false;
  return true;
}
