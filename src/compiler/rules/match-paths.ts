import type { Diagnostic } from '../../diagnostics/index.ts';
import type { HTTPMatchRequest } from '../../resources/index.ts';
import { bindRegex, type PathNormalization } from '../../table/index.ts';
import { MESH } from '../names.ts';
import { whyNeverMet } from './never-met.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/**
 * Paths that a VirtualService matches and no request has, so that its rule never answers by them. What is written counts,
 * also that of a delegate, whose rules are looked at where they stand.
 */
export const matchPaths: SubjectRule = ({ attachable: { object, hosts, gateways }, surroundings }) => {
  // Of sidecars nothing is known here.
  if (hosts.length > 0 && gateways.length === 0) return [];
  return (object.body.spec.http ?? []).flatMap(({ match = [] }, rule) =>
    match.flatMap((one, i): readonly Diagnostic[] => {
      const found = isForSidecars(one) ? undefined : findingOf(one, surroundings.pathNormalization);
      if (found === undefined) return [];
      const field = ['spec', 'http', rule, 'match', i, 'uri', found.field];
      return [reportAt('path-never-met', object, field, { message: found.message })];
    }),
  );
};

const isForSidecars = ({ gateways = [] }: HTTPMatchRequest): boolean =>
  gateways.length > 0 && gateways.every((name) => name === MESH);

interface Found {
  readonly field: 'exact' | 'prefix' | 'regex';
  readonly message: string;
}

/** `ignoreUriCase` makes no difference: normalising leaves letters as they are, and reads escapes in either case. */
function findingOf({ uri = {} }: HTTPMatchRequest, mode: PathNormalization): Found | undefined {
  for (const field of ['exact', 'prefix'] as const) {
    const value = uri[field];
    if (value === undefined) continue;
    const why = whyNeverMet(field, value, mode);
    return why === undefined ? undefined : { field, message: `${JSON.stringify(value)} ${why}` };
  }
  const why = uri.regex === undefined ? undefined : whyNeverFits(uri.regex, mode);
  return why === undefined ? undefined : { field: 'regex', message: `${JSON.stringify(uri.regex)} ${why}` };
}

/** Only by texts that every path would have to begin with or to contain: what else a pattern takes is not looked into. */
function whyNeverFits(pattern: string, mode: PathNormalization): string | undefined {
  const { shape, prefix, literals } = bindRegex(pattern);
  if (shape !== undefined) return whyNeverMet(shape.kind === 'contains' ? 'anywhere' : shape.kind, shape.text, mode);
  if (prefix.text !== '' && !prefix.text.startsWith('/')) return 'begins with no slash, and every path does';
  for (const literal of literals) {
    const why = whyNeverMet('anywhere', literal, mode);
    if (why !== undefined) return `asks for ${JSON.stringify(literal)}, which ${why}`;
  }
  return undefined;
}
