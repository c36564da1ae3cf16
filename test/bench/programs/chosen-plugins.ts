/** A data plane with some of the shared concerns alone. FILE-OF-RESOURCES NAMES (with commas; '-': none) */
import { readFileSync } from 'node:fs';
import { Registry } from 'prom-client';
import { gatewayPlugins } from '../../../plugins/index.ts';
import { createCompiler } from '../../../src/compiler/index.ts';
import { buildGateway } from '../../../src/dataplane/index.ts';
import { systemClock } from '../../../src/kernel/clock.ts';
import { resourceSet } from '../../../src/resources/set.ts';
import { createHandle } from '../../../src/table/handle.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../../../src/table/model.ts';
import { compileOptions, parseResources } from '../../support/resources.ts';

const [file = '', names = '-'] = process.argv.slice(2);
const chosen = new Set(names.split(','));
const plugins = gatewayPlugins({
  accessLog: { format: 'json', target: '/dev/null' },
  registry: new Registry(),
  redisUrl: undefined,
}).filter(({ spec }) => chosen.has(spec.name));
const compiled = createCompiler(compileOptions({ filters: plugins.map(({ spec }) => spec) })).compile(
  resourceSet(parseResources(readFileSync(file, 'utf8'), 'istio-system')),
);
const tables = createHandle<RouteTable>();
const endpoints = createHandle<EndpointTable>();
const credentials = createHandle<CredentialTable>();
credentials.publish(compiled.credentials);
endpoints.publish(compiled.endpoints);
tables.publish(compiled.table);
await buildGateway({
  tables,
  endpoints,
  credentials,
  plugins,
  listenAddress: '127.0.0.1',
  portOffset: 0,
  clock: systemClock,
  mayDial: () => true,
  onError: (error) => console.error(error),
});
