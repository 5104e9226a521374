/** Containers that join and leave networks, running or not. */
export { connectableEndpoints, connectContainer, disconnectContainer } from "./connect.ts";
export type { ConnectContext } from "./context.ts";
export { membersOf } from "./members.ts";
export { ContainerNames } from "./names.ts";
export { reachContext } from "./reach-context.ts";
export { removeLink } from "./remove-link.ts";
