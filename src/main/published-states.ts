import type { ServedState } from '../control/handover.ts';
import type { Handle } from '../table/index.ts';
import type { CredentialTable, EndpointTable, RouteTable } from '../table/model.ts';

export interface StateHandles {
  readonly tables: Handle<RouteTable>;
  readonly endpoints: Handle<EndpointTable>;
  readonly credentials: Handle<CredentialTable>;
}

/** Credentials, endpoints and table are published one after the other, and are one state. Gives the way to end it. */
export function onPublished(
  { tables, endpoints, credentials }: StateHandles,
  then: (state: ServedState) => void,
): () => void {
  let due = false;
  const tell = (): void => {
    if (due) return;
    due = true;
    queueMicrotask(() => {
      due = false;
      const table = tables.current();
      if (table === undefined) return;
      then({
        table,
        endpoints: endpoints.current() ?? { revision: '', clusters: {} },
        credentials: credentials.current() ?? { revision: '', credentials: {} },
      });
    });
  };
  const ends = [tables.subscribe(tell), endpoints.subscribe(tell), credentials.subscribe(tell)];
  return () => {
    for (const end of ends) end();
  };
}
