import { inQuotes } from '../describe.ts';

const LITERAL = /^[a-zA-Z0-9\-._~%!$&'()+,;:@=]+$/;

/**
 * What keeps a path of a policy from being taken (istio-semantics §6.3, §10.6). `{*}` and `{**}` are whole segments,
 * and no operator comes after `{**}`; other braces are refused in any path. undefined: nothing.
 */
export function pathMistake(path: string): string | undefined {
  const isTemplate = path.includes('{*}') || path.includes('{**}');
  let open = false;
  for (const segment of path.replace(/^\/+|\/+$/g, '').split('/')) {
    if (segment === '{*}' || segment === '{**}') {
      if (open) return `${inQuotes(path)}: nothing but literal segments can come after {**}`;
      open = segment === '{**}';
    } else if (/[{}]/.test(segment)) return `${inQuotes(path)}: braces are for whole segments {*} and {**} only`;
    else if (isTemplate && !LITERAL.test(segment))
      return `${inQuotes(path)}: ${inQuotes(segment)} cannot be a segment beside {*} or {**}`;
  }
  return undefined;
}
