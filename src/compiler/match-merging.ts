import type { HTTPMatchRequest, StringMatch } from '../resources/index.ts';

type StringMatches = Readonly<Record<string, StringMatch>> | undefined;

/** Whether a delegate's match is no narrowing of the root's, so that the two cannot be one (istio-semantics §2.8). */
export function matchesConflict(root: HTTPMatchRequest, delegate: HTTPMatchRequest): boolean {
  return (
    stringsConflict(root.uri, delegate.uri) ||
    stringsConflict(root.scheme, delegate.scheme) ||
    stringsConflict(root.method, delegate.method) ||
    stringsConflict(root.authority, delegate.authority) ||
    mapsConflict(root.headers, delegate.headers) ||
    mapsConflict(root.withoutHeaders, delegate.withoutHeaders) ||
    mapsConflict(root.queryParams, delegate.queryParams) ||
    (root.ignoreUriCase === true) !== (delegate.ignoreUriCase === true) ||
    portsConflict(root.port, delegate.port) ||
    sourcesConflict(root, delegate)
  );
}

/** The delegate's value where it has one, else the root's; maps are united, and the delegate wins for each key. */
export function mergeMatches(root: HTTPMatchRequest, delegate: HTTPMatchRequest): HTTPMatchRequest {
  const name = [root.name, delegate.name].filter((part) => part !== undefined && part !== '').join('-');
  const gateways = isEmpty(delegate.gateways) ? root.gateways : delegate.gateways;
  return defined({
    ...root,
    ...defined(delegate),
    name,
    headers: unite(root.headers, delegate.headers),
    withoutHeaders: unite(root.withoutHeaders, delegate.withoutHeaders),
    queryParams: unite(root.queryParams, delegate.queryParams),
    sourceLabels: unite(root.sourceLabels, delegate.sourceLabels),
    port: delegate.port === undefined || delegate.port === 0 ? root.port : delegate.port,
    gateways,
  });
}

/** The fields that have a value: `undefined` would hide the root's. */
const defined = <T extends object>(value: T): { [K in keyof T]: Exclude<T[K], undefined> } =>
  Object.fromEntries(Object.entries(value).filter(([, field]) => field !== undefined)) as never;

const unite = <V>(root: Readonly<Record<string, V>> | undefined, delegate: Readonly<Record<string, V>> | undefined) =>
  root === undefined && delegate === undefined ? undefined : { ...root, ...delegate };

const isEmpty = (list: readonly unknown[] | undefined): boolean => list === undefined || list.length === 0;

const mapsConflict = (root: StringMatches, delegate: StringMatches): boolean =>
  Object.entries(delegate ?? {}).some(([key, condition]) => stringsConflict(root?.[key], condition));

/**
 * Where both sides say something, only a delegate that is the same as an exact root, or longer than a prefix root, is
 * a narrowing; regular expressions and presence never are. Empty texts count as unsaid conditions here, so they
 * conflict too (istio-semantics §2.8).
 */
function stringsConflict(root: StringMatch | undefined, delegate: StringMatch | undefined): boolean {
  if (root === undefined || delegate === undefined) return false;
  if (isSaid(root.regex) || isSaid(delegate.regex)) return true;
  if (isSaid(root.exact)) return isSaid(delegate.prefix) || delegate.exact !== root.exact;
  if (!isSaid(root.prefix)) return true;
  const narrower = isSaid(delegate.prefix) ? delegate.prefix : delegate.exact;
  return !isSaid(narrower) || !narrower.startsWith(root.prefix);
}

const isSaid = (text: string | undefined): text is string => text !== undefined && text !== '';

const portsConflict = (root: number | undefined, delegate: number | undefined): boolean =>
  root !== undefined && root > 0 && delegate !== undefined && delegate > 0 && root !== delegate;

function sourcesConflict(root: HTTPMatchRequest, delegate: HTTPMatchRequest): boolean {
  if (isSaid(root.sourceNamespace) && delegate.sourceNamespace !== root.sourceNamespace) return true;
  const labels = Object.entries(delegate.sourceLabels ?? {});
  if (labels.some(([key, value]) => root.sourceLabels?.[key] !== undefined && root.sourceLabels[key] !== value)) {
    return true;
  }
  if (isEmpty(root.gateways) || isEmpty(delegate.gateways)) return false;
  return delegate.gateways?.some((name) => root.gateways?.includes(name) !== true) ?? false;
}
