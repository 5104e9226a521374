/** A container's specification as an OCI runtime specification. Pure. */

export { capabilitySets, environmentOf, limitsOf, mappedIds, specOf } from "./spec.ts";
export { donorSharedMemory, type ReadyMount, sharedMemory, userMount } from "./spec-mounts.ts";
export { changedLimits, type GrantedDevice } from "./spec-resources.ts";
