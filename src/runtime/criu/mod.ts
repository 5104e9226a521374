/** The door of criu: a process of it, the conversation with it, and what it must be told of a container's mounts. */
export { externalMountPoints, externalSources } from "./external-mounts.ts";
export { criuFailure } from "./failure.ts";
export { lostAttributes } from "./lost-attributes.ts";
export { type CriuFeatures, type CriuOptions, cgroupModes, type Mapping, networkLocks } from "./messages.ts";
export { makeMountPoints } from "./mount-points.ts";
export { joinableNamespaces } from "./namespaces.ts";
export { type CriuAbilities, type CriuProgram, CriuSession, checkCriu, firstExtraFd } from "./session.ts";
export { inheritedConnections, isOutside, standardConnections, writeConnections } from "./stdio.ts";
