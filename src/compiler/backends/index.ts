/** Destinations: what routes may be forwarded to, how it is reached, and where it is. */
export { type Backends, createBackends } from './backends.ts';
export type { Built as BuiltBackends } from './build.ts';
export { collectCredentials } from './credentials.ts';
export { clusterId } from './names.ts';
export { caOfCredential, MESH_CA, MESH_PAIR } from './upstream-tls.ts';
