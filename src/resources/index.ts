/** What teams may write, as types that cannot be malformed. */
export { type DecodedObject, decodeObject, MAX_FINDINGS } from './decode.ts';
export { type Cidr, type IpAddress, parseCidr, parseIp } from './ip.ts';
export { usableCipherSuites } from './istio/cipher-suites.ts';
export type * from './kinds.ts';
export {
  DEFAULT_MESH_SETTINGS,
  type DecodedMeshConfig,
  decodeMeshConfig,
  type MeshRetryPolicy,
  type MeshSettings,
  type TlsDefaults,
} from './mesh-config.ts';
export type { ObjectMeta, Origin, Sourced } from './object.ts';
export { KINDS, type KindDefinition } from './registry.ts';
export { type ResourceSet, resourceSet, withObject } from './set.ts';
