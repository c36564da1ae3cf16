import { createHash } from 'node:crypto';
import type { Diagnostic } from '../../diagnostics/diagnostic.ts';
import { report } from '../../diagnostics/report.ts';
import { compareStrings } from '../../kernel/compare.ts';
import type { ResourceSet } from '../../resources/set.ts';
import type { Credential, CredentialTable } from '../../table/model.ts';
import type { CompileOptions } from '../compilation.ts';
import { type CredentialUse, credentialUses, withoutScheme } from './credential-uses.ts';
import { type Found, readSecret } from './secret.ts';

export interface Credentials {
  readonly credentials: CredentialTable;
  readonly diagnostics: readonly Diagnostic[];
}

const CA_SUFFIX = '-cacert';

/**
 * Key material for the names that listeners and clusters use, from Secrets of the gateway's own namespace and no other
 * (istio-semantics §1.1). A name that ends in `-cacert` is a CA: of the Secret of that name, else of the one without the
 * suffix; any other name is a key pair, also where it stands for a CA, so that no client gets in. An entry that cannot
 * be made is left out: `credential-missing`, `credential-invalid`.
 *
 * Names with a colon stand for no Secret and are left to whoever may read them: `file-pair:<certificate>|<key>`,
 * `file-ca:<certificates>[|<crl>]`, `mesh:pair` and `mesh:ca` (the gateway's own certificate in the mesh).
 */
export function collectCredentials(
  resources: ResourceSet,
  names: ReadonlySet<string>,
  options: CompileOptions,
): Credentials {
  const found: [string, Credential][] = [];
  const diagnostics: Diagnostic[] = [];
  for (const name of [...names].sort(compareStrings)) {
    if (isElsewhere(name)) continue;
    const result = find(name, resources, options.gatewayNamespace);
    if (result?.kind === 'credential') found.push([name, result.credential]);
    else diagnostics.push(...absent(name, result, resources, options.gatewayNamespace));
  }
  return { credentials: credentialTable(found, options), diagnostics };
}

const isElsewhere = (name: string): boolean =>
  name.startsWith('file-') ? name.includes(':') : name.startsWith('mesh:');

interface SecretName {
  readonly namespace: string;
  readonly name: string;
}

/** `kubernetes://name` is `name`; `namespace/name` reaches nothing but the gateway's own namespace. */
function secretName(name: string, gatewayNamespace: string): SecretName {
  const plain = withoutScheme(name);
  const slash = plain.indexOf('/');
  if (slash < 0) return { namespace: gatewayNamespace, name: plain };
  return { namespace: plain.slice(0, slash), name: plain.slice(slash + 1) };
}

function find(asked: string, resources: ResourceSet, gatewayNamespace: string): Found | undefined {
  const { namespace, name } = secretName(asked, gatewayNamespace);
  if (namespace !== gatewayNamespace) return undefined;
  const secret = resources.get('Secret', namespace, name);
  if (!name.endsWith(CA_SUFFIX)) return secret && readSecret(secret).pair;
  const holder = secret ?? resources.get('Secret', namespace, name.slice(0, -CA_SUFFIX.length));
  return holder && readSecret(holder).ca;
}

/* ----------------------------------------------------------------------------------- findings */

function absent(
  asked: string,
  found: Found | undefined,
  resources: ResourceSet,
  gatewayNamespace: string,
): Diagnostic[] {
  const { name } = secretName(asked, gatewayNamespace);
  const uses =
    credentialUses(resources.ofKind('Gateway'), resources.ofKind('DestinationRule')).get(withoutScheme(asked)) ?? [];
  const isCa = name.endsWith(CA_SUFFIX);
  const secret = isCa ? `${name.slice(0, -CA_SUFFIX.length)} or ${name}` : name;
  const code = found === undefined ? 'credential-missing' : 'credential-invalid';
  const reason = found === undefined ? 'does not exist' : found.kind === 'unusable' ? found.reason : '';
  const message = `Secret ${secret} of namespace ${gatewayNamespace}, the gateway’s own, ${reason}`;
  if (uses.length === 0) return [report(code, { message })];
  return uses.map((use) => atUse(use, code, message, name, resources));
}

function atUse(
  { resource, field }: CredentialUse,
  code: 'credential-missing' | 'credential-invalid',
  message: string,
  name: string,
  resources: ResourceSet,
): Diagnostic {
  const { namespace } = resource.meta;
  const names = name.endsWith(CA_SUFFIX) ? [name, name.slice(0, -CA_SUFFIX.length)] : [name];
  const beside = code === 'credential-missing' && names.some((known) => resources.get('Secret', namespace, known));
  return report(code, {
    message: beside ? `${message}; the one in ${namespace} is not looked for` : message,
    object: resource.ref,
    field,
    location: resource.origin.locate(field),
    ...(resource.kind === 'DestinationRule' && {
      consequence: 'Requests to this destination are answered 503; others are not affected.',
    }),
  });
}

/* -------------------------------------------------------------------------------------- table */

/** The table before, handed out again where every entry is the same object. */
const previous = new WeakMap<CompileOptions, CredentialTable>();

function credentialTable(entries: readonly [string, Credential][], options: CompileOptions): CredentialTable {
  const before = previous.get(options);
  const same =
    before !== undefined &&
    Object.keys(before.credentials).length === entries.length &&
    entries.every(([name, credential]) => before.credentials[name] === credential);
  if (same) return before;
  const hash = createHash('sha256');
  for (const [name, credential] of entries) hash.update(JSON.stringify([name, credential]));
  const table = { revision: hash.digest('hex').slice(0, 16), credentials: Object.fromEntries(entries) };
  previous.set(options, table);
  return table;
}
