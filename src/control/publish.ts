import type { Handle } from '../table/handle.ts';
import type { EndpointTable, RouteTable } from '../table/model.ts';
import type { FileCredentials } from './file-credentials.ts';
import type { ControlState } from './reconciler.ts';

export interface PublishTargets {
  readonly tables: Handle<RouteTable>;
  readonly endpoints: Handle<EndpointTable>;
  readonly credentials: FileCredentials;
}

/**
 * Puts a state into service, each part only where it changed. The table comes last: by then the keys and addresses
 * are there that it speaks of.
 */
export function publishState({ tables, endpoints, credentials }: PublishTargets, { compilation }: ControlState): void {
  credentials.update(compilation.table, compilation.credentials);
  if (endpoints.current()?.revision !== compilation.endpoints.revision) endpoints.publish(compilation.endpoints);
  if (tables.current()?.revision !== compilation.table.revision) tables.publish(compilation.table);
}
