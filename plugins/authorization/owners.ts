import type { ConnectionFacts } from '../../src/contract/index.ts';
import type { AuthorizationSettings, PolicyLayer } from './config.ts';

type RouteOwner = ConnectionFacts['owner'];

/** Whose policies guard a rule, as `namespace/name`. A delegate's team guards its own rules also where another VirtualService leads to them. */
export const guardsOf = ({ kind, namespace, name, delegate }: RouteOwner): readonly string[] =>
  kind === 'VirtualService' ? [`${namespace}/${name}`, ...(delegate === undefined ? [] : [delegate])] : [];

/** The network team's, then those of the rule's own team; undefined: no rule, and nobody's team. */
export const layersFor = (
  owner: RouteOwner | undefined,
  { gateway, virtualServices }: AuthorizationSettings,
): readonly PolicyLayer[] => [
  gateway,
  ...(owner === undefined ? [] : guardsOf(owner)).flatMap((key) =>
    Object.hasOwn(virtualServices, key) ? (virtualServices[key] ?? []) : [],
  ),
];
