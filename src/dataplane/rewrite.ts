import { toBytes } from '../contract/index.ts';
import { compileReplacement, isNormalPath, type RegexReplacement } from '../table/index.ts';
import type { PathNormalization, PathRewrite } from '../table/model.ts';

/** What can stand in a request line, one character a byte. */
const WRITABLE = /^[\x21-\x7e\x80-\xff]*$/;

/**
 * The path that goes upstream (istio-semantics §2.9); the query is not its business. undefined: the result does not
 * begin with a slash, has a blank in it, or would be another path once the service normalises it (product.md: refused
 * with 400).
 */
export function rewritePath(
  path: string,
  rewrite: PathRewrite | undefined,
  mode: PathNormalization,
): string | undefined {
  if (rewrite === undefined) return path;
  const rewritten = apply(path, rewrite);
  if (rewritten === path) return path;
  const passes = rewritten.startsWith('/') && WRITABLE.test(rewritten) && isNormalPath(pathPartOf(rewritten), mode);
  return passes ? rewritten : undefined;
}

/** A replacement may bring a query or a fragment of its own, which is sent as it is. */
function pathPartOf(rewritten: string): string {
  const end = rewritten.search(/[?#]/);
  return end < 0 ? rewritten : rewritten.slice(0, end);
}

function apply(path: string, rewrite: PathRewrite): string {
  switch (rewrite.kind) {
    case 'prefix':
      return toBytes(rewrite.replacement) + path.slice(rewrite.matched.length);
    case 'whole':
      return toBytes(rewrite.replacement);
    case 'regex': {
      const replaced = replacementOf(rewrite)(path);
      return replaced === '' ? path : replaced;
    }
  }
}

const replacements = new WeakMap<PathRewrite, RegexReplacement>();

/** Compiled when first met, kept as long as its route. */
function replacementOf(rewrite: Extract<PathRewrite, { kind: 'regex' }>): RegexReplacement {
  let replacement = replacements.get(rewrite);
  if (replacement === undefined) {
    const compiled = compileReplacement(rewrite.pattern, rewrite.substitution);
    replacement = compiled.ok ? compiled.value : (path) => path;
    replacements.set(rewrite, replacement);
  }
  return replacement;
}
