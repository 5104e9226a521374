/** A container's document as an OCI runtime specification. Pure. */

export { capabilitySets, environmentOf, limitsOf, mappedIds, namespacesOf, specOf } from "./spec.ts";
export { donorSharedMemory, type ReadyMount, sharedMemory } from "./spec-mounts.ts";
export { decodeDeviceRule, type GrantedDevice } from "./spec-resources.ts";
