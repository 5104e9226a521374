/** The door of groups: in which a container may have its own, whose it is, and what its processes join. */
export { changeLiveGroup } from "./change-live-group.ts";
export type { ContainerGroup, ManagerSocket, ScopeUnit } from "./container-group.ts";
export { giveGroup, groupOwner } from "./group-owner.ts";
export { withLiveLimits } from "./live-limits.ts";
export { processGroups } from "./process-groups.ts";
export { groupAboveCaller, isHostRoot, usableCgroups } from "./usable-groups.ts";
