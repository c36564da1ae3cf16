import { type Diagnostic, report } from '../diagnostics/index.ts';
import { nearest } from '../kernel/nearest.ts';
import { inQuotes } from './describe.ts';
import type { ResourceKind } from './kinds.ts';
import type { Origin } from './object.ts';
import { KINDS, type KindDefinition } from './registry.ts';

export interface KnownKind {
  readonly kind: 'known';
  readonly name: ResourceKind;
  readonly definition: KindDefinition<never>;
}

/** Refused, or none of our concern: the diagnostics say which. */
export interface UnknownKind {
  readonly kind: 'unknown';
  readonly diagnostics: readonly Diagnostic[];
}

const groupOf = (apiVersion: string): string =>
  apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
const OUR_GROUPS: ReadonlySet<string> = new Set(
  Object.values(KINDS).flatMap(({ apiVersions }) => apiVersions.map(groupOf)),
);

/** Which of our kinds a document is, by apiVersion and kind together: others have a Gateway and a Service too. */
export function findKind(value: Readonly<Record<string, unknown>>, origin: Origin): KnownKind | UnknownKind {
  const { apiVersion, kind } = value;
  for (const [field, given] of [
    ['apiVersion', apiVersion],
    ['kind', kind],
  ] as const) {
    if (typeof given !== 'string' || given === '') {
      return unknown(
        report('not-an-object', {
          message: `The document has no ${field}.`,
          field: [field],
          location: origin.locate([field]),
          refused: true,
        }),
      );
    }
  }
  const [version, name] = [String(apiVersion), String(kind)];
  if (!Object.hasOwn(KINDS, name)) return unknown(passedOver(version, name, origin));
  const definition: KindDefinition<never> = KINDS[name as ResourceKind];
  if (definition.apiVersions.includes(version)) return { kind: 'known', name: name as ResourceKind, definition };
  return unknown(wrongVersion(version, name, definition, origin));
}

const unknown = (finding: Diagnostic): UnknownKind => ({ kind: 'unknown', diagnostics: [finding] });

/** A slip in a kind of one of our groups is worth more than a hint: something is meant that does not happen. */
function passedOver(apiVersion: string, kind: string, origin: Origin): Diagnostic {
  const group = groupOf(apiVersion);
  const siblings = Object.entries(KINDS).filter(([, { apiVersions }]) =>
    apiVersions.some((version) => groupOf(version) === group),
  );
  const meant =
    OUR_GROUPS.has(group) && group !== ''
      ? nearest(
          kind,
          siblings.map(([name]) => name),
        )
      : undefined;
  return report('unknown-kind', {
    message: `${apiVersion} ${kind} is no kind that the gateway knows.`,
    field: ['kind'],
    location: origin.locate(['kind']),
    ...(meant !== undefined && { severity: 'warning', remedy: `Did you mean ${meant}?` }),
  });
}

function wrongVersion(
  apiVersion: string,
  kind: string,
  { apiVersions }: KindDefinition<never>,
  origin: Origin,
): Diagnostic {
  const group = groupOf(apiVersion);
  const ours = groupOf(apiVersions[0] ?? '');
  if (group !== ours && nearest(group, [ours]) === undefined) return passedOver(apiVersion, kind, origin);
  return report('unsupported-version', {
    message: `${kind} is not served as ${inQuotes(apiVersion)}.`,
    remedy: `Use ${apiVersions.join(', ')}.`,
    field: ['apiVersion'],
    location: origin.locate(['apiVersion']),
    refused: true,
  });
}
