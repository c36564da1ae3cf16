import { type Diagnostic, formatFieldPath, formatObjectRef } from '../../src/diagnostics/index.ts';
import type {
  HeaderOperations,
  Listener,
  PathMatch,
  Route,
  RouteAction,
  RouteMatch,
  RouteTable,
  TcpRoute,
} from '../../src/table/index.ts';

/* A route table as text that people review: one line a fact, nothing that is as always. */

export function tableText(table: RouteTable): string {
  const hosts = table.routeConfigs.flatMap(({ name, virtualHosts }) => [
    `routes ${name}`,
    ...virtualHosts.flatMap(({ domain, requireTls, routes }) => [
      `  ${domain}${requireTls ? ' (TLS required)' : ''}`,
      ...routes.flatMap((route) => routeLines(route).map((line) => `    ${line}`)),
    ]),
  ]);
  const clusters = table.clusters.map(({ id }) => `cluster ${id}`);
  return `${[...table.listeners.flatMap(listenerLines), ...hosts, ...clusters].join('\n')}\n`;
}

function listenerLines({ port, plaintext, tls }: Listener): readonly string[] {
  const plain =
    plaintext === undefined
      ? []
      : [`port ${port} ${plaintext.kind === 'http' ? plaintext.routeConfig : `tcp ${tcpText(plaintext.route)}`}`];
  return [
    ...plain,
    ...tls.map(({ serverNames, handling }) => {
      const sni = `port ${port} SNI ${serverNames.join(', ')}:`;
      if (handling.kind === 'passthrough') return `${sni} passed through ${tcpText(handling.route)}`;
      const { clientCertificate, credentials, minVersion } = handling.termination;
      const ended = `ended with ${credentials.join(', ')}, client certificate ${clientCertificate}, from ${minVersion}`;
      return `${sni} ${ended}, ${handling.kind === 'http' ? handling.routeConfig : tcpText(handling.route)}`;
    }),
  ];
}

const tcpText = (route: TcpRoute | undefined): string =>
  route === undefined
    ? 'nowhere'
    : `${route.destinations.map(({ cluster, weight }) => `${cluster} × ${weight}`).join(', ')} of ${route.owner.namespace}/${route.owner.name}`;

function routeLines(route: Route): readonly string[] {
  const { delegate, file, line } = route.owner;
  const owner = `${file}:${line}${delegate === undefined ? '' : ` by ${delegate}`}`;
  const details = [
    ...operationLines('request', route.requestHeaders),
    ...operationLines('response', route.responseHeaders),
    ...actionLines(route.action),
  ];
  return [`${route.id} [${matchText(route.match)}] (${owner})`, ...details.map((detail) => `  ${detail}`)];
}

function matchText({ path, headers, queryParams, claims }: RouteMatch): string {
  const condition = (match: { readonly kind: string; readonly value?: string }): string =>
    match.kind === 'present' ? 'present' : `${match.kind} ${match.value}`;
  return [
    pathText(path),
    ...headers.map(({ name, match, invert }) => `${invert ? 'not ' : ''}${name} ${condition(match)}`),
    ...queryParams.map(({ name, match }) => `?${name} ${condition(match)}`),
    ...claims.map(
      ({ path: claim, match, invert }) => `${invert ? 'not ' : ''}claim ${claim.join('.')} ${condition(match)}`,
    ),
  ].join(', ');
}

const pathText = (path: PathMatch): string => (path.kind === 'any' ? 'any path' : `${path.kind} ${path.value}`);

function operationLines(side: string, { remove, set, add }: HeaderOperations): readonly string[] {
  return [
    ...remove.map((name) => `${side} remove ${name}`),
    ...set.map(([name, value]) => `${side} set ${name}: ${value}`),
    ...add.map(([name, value]) => `${side} add ${name}: ${value}`),
  ];
}

function actionLines(action: RouteAction): readonly string[] {
  if (action.kind !== 'forward') {
    const said = Object.entries(action).filter(([key, value]) => value !== undefined && key !== 'message');
    return [said.map(([key, value]) => (key === 'kind' ? `→ ${value}` : `${key} ${value}`)).join(', ')];
  }
  const { destinations, totalWeight, pathRewrite, hostRewrite, timeoutMs, retry, mirrors, hashPolicies } = action;
  const lines: readonly (string | undefined)[] = [
    ...destinations.flatMap((to) => [
      `→ ${to.cluster} ${to.weight}/${totalWeight}${to.hostRewrite === undefined ? '' : ` as ${to.hostRewrite}`}`,
      ...operationLines('  request', to.requestHeaders),
      ...operationLines('  response', to.responseHeaders),
    ]),
    pathRewrite && `rewrite ${JSON.stringify(pathRewrite)}`,
    hostRewrite && `as ${hostRewrite}`,
    timeoutMs === undefined ? undefined : `timeout ${timeoutMs} ms`,
    retry === undefined
      ? 'no retries'
      : `retries ${retry.attempts} on ${[...retry.retryOn, ...retry.retriableStatusCodes].join()}${retry.avoidPreviousHosts ? '' : ', also at hosts tried before'}`,
    ...mirrors.map(({ cluster, perMillion }) => `mirror ${perMillion / 10_000} % to ${cluster}`),
    ...hashPolicies.map((policy) => `hash on ${JSON.stringify(policy)}`),
  ];
  return lines.filter((line) => line !== undefined);
}

export function diagnosticsText(diagnostics: readonly Diagnostic[]): string {
  const lines = diagnostics.flatMap(({ code, severity, message, object, field, location, related = [], witness }) => [
    `${location?.file}:${location?.line}:${location?.column} ${severity} ${code}`,
    `  ${object === undefined ? '' : formatObjectRef(object)} ${formatFieldPath(field ?? [])}`,
    `  ${message}`,
    ...(witness === undefined ? [] : [`  for example ${witness}`]),
    ...related.map((place) => `  ${place.location?.file}:${place.location?.line} ${place.message}`),
  ]);
  return lines.length === 0 ? '' : `${lines.join('\n')}\n`;
}
