/** Destinations: what routes may be forwarded to, how it is reached, and where it is. */
export {
  type BackendContext,
  type Backends,
  createBackends,
  type HostAbsence,
  type KnownHost,
  type KnownPort,
  type SubsetState,
} from './backends.ts';
export type { Built as BuiltBackends } from './build.ts';
export { collectCredentials } from './credentials.ts';
export { clusterId } from './names.ts';
export { caOfCredential, fileCa, filePair, MESH_CA, MESH_PAIR } from './upstream-tls.ts';
