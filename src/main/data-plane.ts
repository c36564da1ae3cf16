import type { ListenerReport } from '../dataplane/index.ts';

/** What serves the tables that are published: in this process, or in several others. */
export interface DataPlane {
  /** Resolves when the newest state is served. */
  applied(): Promise<readonly ListenerReport[]>;
  listeners(): readonly ListenerReport[];
  /** Is there anybody to serve? */
  serving(): boolean;
  /** In Prometheus' text format, of all processes together. */
  metrics(): Promise<string>;
  drain(graceMs: number): Promise<void>;
  close(): Promise<void>;
}
