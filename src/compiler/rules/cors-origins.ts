import { compileStringMatch } from '../../contract/string-matcher.ts';
import type { Diagnostic } from '../../diagnostics/index.ts';
import type { StringMatch } from '../../kernel/string-match.ts';
import type { CorsPolicy } from '../../resources/index.ts';
import { reportAt, type SubjectRule } from './rule.ts';

/** Origins of nobody in particular: what both of them fit fits any. */
const STRANGERS: readonly string[] = ['https://stranger.invalid', 'http://another.stranger.invalid:8443'];
/** What a page says that must not tell where it is from: any page can be such a one. */
const NOBODY = 'null';

/**
 * Credentials for pages of any origin (edge-security C-01.02). Envoy echoes the origin, so that the browser's own refusal of
 * `*` with credentials does not help; it answers so here too, for the same YAML.
 */
export const corsOrigins: SubjectRule = ({ attachable: { object } }) =>
  (object.body.spec.http ?? []).flatMap(({ corsPolicy }, i): readonly Diagnostic[] => {
    if (corsPolicy?.allowCredentials !== true) return [];
    return originsOf(corsPolicy).flatMap(({ match, field }) => {
      const finding = findingOf(match);
      const place = ['spec', 'http', i, 'corsPolicy', ...field];
      return finding === undefined ? [] : [reportAt(finding.code, object, place, { message: finding.message })];
    });
  });

interface Origin {
  readonly match: StringMatch;
  readonly field: readonly (string | number)[];
}

/** `allowOrigins` counts, and without it the older field (istio-semantics §2.12). */
function originsOf({ allowOrigins = [], allowOrigin = [] }: CorsPolicy): readonly Origin[] {
  if (allowOrigins.length === 0)
    return allowOrigin.map((value, i) => ({ match: { kind: 'exact', value }, field: ['allowOrigin', i] }));
  return allowOrigins.flatMap(({ exact, prefix, regex }, i): readonly Origin[] => {
    const field = ['allowOrigins', i];
    if (exact !== undefined) return [{ match: { kind: 'exact', value: exact }, field }];
    if (prefix !== undefined) return [{ match: { kind: 'prefix', value: prefix }, field }];
    return regex === undefined ? [] : [{ match: { kind: 'regex', value: regex }, field }];
  });
}

function findingOf(
  match: StringMatch,
): { readonly code: 'open-credentials' | 'open-origin'; readonly message: string } | undefined {
  const fits = compileStringMatch(match);
  if (fits('*') || STRANGERS.every(fits))
    return { code: 'open-credentials', message: 'any origin fits, and its pages may send credentials' };
  if (fits(NOBODY))
    return {
      code: 'open-credentials',
      message: "the origin 'null' fits, which any page can have, and may send credentials",
    };
  const stranger = match.kind === 'prefix' ? strangerBehind(match.value) : undefined;
  return stranger === undefined
    ? undefined
    : {
        code: 'open-origin',
        message: `the prefix ${match.value} fits ${stranger} too, and its pages may send credentials`,
      };
}

/** Another's origin with that prefix; undefined: the host is whole, as only its port can follow. */
function strangerBehind(prefix: string): string | undefined {
  const host = /^https?:\/\/(.*)$/.exec(prefix)?.[1];
  if (host === undefined) return 'http'.startsWith(prefix) || prefix.startsWith('http') ? `${STRANGERS[0]}` : undefined;
  return host.includes(':') ? undefined : `${prefix}${host.endsWith('.') || host === '' ? '' : '.'}stranger.invalid`;
}
