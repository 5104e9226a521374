/** The door of the runtime: performs plans, supervises what they started, prepares cgroups for them. */
export { changeLiveGroup, processGroups, withLiveLimits } from "./groups/mod.ts";
export { environmentOf, type HookState, planHooks, runHostHooks } from "./hooks/mod.ts";
export { applyHostOps, openCgroupSlots, removeCgroups } from "./host-ops.ts";
export { startPs } from "./host-ps.ts";
export { openUserNamespace } from "./id-maps/mod.ts";
export type { ProcessRecord } from "./record.ts";
export { createRecord, readRecord } from "./record.ts";
export { openRuntime } from "./runtime.ts";
export type {
  AttachFlags,
  ExitRecord,
  KnownProcess,
  LaunchPhases,
  LaunchRequest,
  Reconnection,
  Runtime,
  RuntimeOptions,
  SupervisedProcess,
} from "./supervised-process.ts";
export { machineGoesDown } from "./systemd/mod.ts";
