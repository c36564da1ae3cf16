import type {
  ClaimCondition,
  Destination,
  HeaderCondition,
  HeaderOperations,
  PathMatch,
  QueryCondition,
  Route,
  RouteMatch,
  RouteOwner,
} from '../../table/model.ts';

/* The route table in words: one way of saying each thing, on the terminal and at the admin listener. */

/** `orders/checkout`, and who wrote the rule where that is another. */
export const ownerText = (owner: RouteOwner): string =>
  `${owner.namespace}/${owner.name}${owner.delegate === undefined ? '' : ` → ${owner.delegate}`}`;

/** `/v1*` is a prefix, `/v1` exact, `~^/v[0-9]+$` a pattern, `*` anything. */
export function pathText(path: PathMatch): string {
  switch (path.kind) {
    case 'any':
      return '*';
    case 'exact':
      return `${path.value}${path.ignoreCase ? ' (any case)' : ''}`;
    case 'prefix':
      return `${path.value}*${path.ignoreCase ? ' (any case)' : ''}`;
    case 'regex':
      return `~${path.value}`;
  }
}

type TextMatch = HeaderCondition['match'];

function textMatch(match: TextMatch): string {
  switch (match.kind) {
    case 'present':
      return '';
    case 'exact':
      return `=${match.value}`;
    case 'prefix':
      return `=${match.value}*`;
    case 'suffix':
      return `=*${match.value}`;
    case 'regex':
      return `~${match.value}`;
  }
}

const PSEUDO: Readonly<Record<string, string>> = {
  ':method': 'method',
  ':authority': 'authority',
  ':scheme': 'scheme',
  ':path': 'path',
};

export function headerText({ name, match, invert }: HeaderCondition): string {
  const subject = PSEUDO[name] ?? `header ${name}`;
  return `${invert ? 'not ' : ''}${subject}${textMatch(match)}`;
}
export const queryText = ({ name, match }: QueryCondition): string => `query ${name}${textMatch(match)}`;
export const claimText = ({ path, match, invert }: ClaimCondition): string =>
  `${invert ? 'not ' : ''}claim ${path.join('.')}${textMatch(match)}`;

/** The conditions besides the path. */
export function conditionTexts(match: RouteMatch): readonly string[] {
  return [...match.headers.map(headerText), ...match.queryParams.map(queryText), ...match.claims.map(claimText)];
}

export const matchText = (match: RouteMatch): string => [pathText(match.path), ...conditionTexts(match)].join(', ');

/** Host, port and subset of a cluster id `outbound|80|v1|reviews.shop.svc.cluster.local`. */
export function clusterText(id: string): string {
  const [, port, subset, host] = id.split('|');
  return host === undefined ? id : `${host}:${port}${subset ? ` (${subset})` : ''}`;
}

export function percentOf({ weight }: Destination, total: number): string {
  return `${Number(((weight / Math.max(1, total)) * 100).toFixed(1))} %`;
}

/** Where a route leads, in a line. */
export function actionText({ action }: Route): string {
  switch (action.kind) {
    case 'forward': {
      const [only, ...others] = action.destinations;
      if (only !== undefined && others.length === 0) return clusterText(only.cluster);
      return action.destinations
        .map((destination) => `${clusterText(destination.cluster)} ${percentOf(destination, action.totalWeight)}`)
        .join(', ');
    }
    case 'redirect':
      return `${action.status} → ${action.scheme ?? ''}${action.scheme === undefined ? '' : '://'}${action.authority ?? ''}${action.port === undefined ? '' : `:${action.port}`}${action.path ?? ''}`;
    case 'direct-response':
      return `${action.status} (direct response)`;
    case 'failed':
      return `${action.status} (${action.cause})`;
  }
}

/** `set x-a: 1`, `add x-b: 2`, `remove x-c`. */
export const headerOperationTexts = ({ remove, set, add }: HeaderOperations): readonly string[] => [
  ...remove.map((name) => `remove ${name}`),
  ...set.map(([name, format]) => `set ${name}: ${format}`),
  ...add.map(([name, format]) => `add ${name}: ${format}`),
];
