import type { FieldPath } from '../../diagnostics/diagnostic.ts';
import { memoizeByIdentity } from '../../kernel/memo.ts';
import type { ClientTLSSettings, ResourceOf, ServerTLSSettings } from '../../resources/kinds.ts';
import { remembered } from './remember.ts';
import { caOfCredential } from './upstream-tls.ts';

/** A place where a credential is asked for. */
export interface CredentialUse {
  readonly resource: ResourceOf<'Gateway'> | ResourceOf<'DestinationRule'>;
  readonly field: FieldPath;
}

const SCHEME = 'kubernetes://';

/** `kubernetes://name` is `name` (istio-semantics §1.1). */
export const withoutScheme = (name: string): string => (name.startsWith(SCHEME) ? name.slice(SCHEME.length) : name);

/** By name in the CredentialTable, without scheme, to tell whoever named a Secret that is not there. */
export const credentialUses = memoizeByIdentity(
  (
    gateways: readonly ResourceOf<'Gateway'>[],
    rules: readonly ResourceOf<'DestinationRule'>[],
  ): ReadonlyMap<string, readonly CredentialUse[]> => {
    const uses = new Map<string, CredentialUse[]>();
    const add = (name: string | undefined, use: CredentialUse): void => {
      if (name === undefined || name === '') return;
      for (const asked of [name, caOfCredential(name)].map(withoutScheme)) {
        remembered(uses, asked, (): CredentialUse[] => []).push(use);
      }
    };
    for (const resource of gateways) {
      for (const [i, { tls }] of resource.body.spec.servers.entries()) {
        if (tls === undefined) continue;
        for (const [key, name] of serverNames(tls)) {
          add(name, { resource, field: ['spec', 'servers', i, 'tls', ...key] });
        }
      }
    }
    for (const resource of rules) {
      for (const [path, tls] of clientSettings(resource)) {
        add(tls.credentialName, { resource, field: [...path, 'credentialName'] });
      }
    }
    return uses;
  },
);

function serverNames(tls: ServerTLSSettings): [FieldPath, string | undefined][] {
  return [
    [['credentialName'], tls.credentialName],
    [['caCertCredentialName'], tls.caCertCredentialName],
    ...(tls.credentialNames ?? []).map((name, i): [FieldPath, string] => [['credentialNames', i], name]),
  ];
}

function clientSettings({ body: { spec } }: ResourceOf<'DestinationRule'>): [FieldPath, ClientTLSSettings][] {
  const policies: [FieldPath, (typeof spec)['trafficPolicy']][] = [
    [['spec', 'trafficPolicy'], spec.trafficPolicy],
    ...(spec.subsets ?? []).map(({ trafficPolicy }, i): [FieldPath, typeof trafficPolicy] => [
      ['spec', 'subsets', i, 'trafficPolicy'],
      trafficPolicy,
    ]),
  ];
  return policies.flatMap(([path, policy]) => [
    ...(policy?.tls === undefined ? [] : [[[...path, 'tls'], policy.tls] as [FieldPath, ClientTLSSettings]]),
    ...(policy?.portLevelSettings ?? []).flatMap(({ tls }, i): [FieldPath, ClientTLSSettings][] =>
      tls === undefined ? [] : [[[...path, 'portLevelSettings', i, 'tls'], tls]],
    ),
  ]);
}
