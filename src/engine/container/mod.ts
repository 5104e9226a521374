/** Containers: the only door of the rooms below. */

export {
  ContainerNames,
  connectContainer,
  disconnectContainer,
  membersOf,
  reachContext,
} from "./connect/mod.ts";
export { type ContainerContext, tellEvent } from "./context.ts";
export { Deliveries } from "./delivery/mod.ts";
export { defaultLogDriver, logDrivers } from "./docker/mod.ts";
export { decodeSignal, endForPowerOff, powerOffSeconds } from "./end/mod.ts";
export { failpointHook, failpoints } from "./failpoints.ts";
export {
  pauseBeforeNext,
  type RunSession,
  recoverContainers,
  restartUnhealthy,
  startLater,
} from "./life/mod.ts";
export {
  cgroupOf,
  flagsOf,
  heldProcess,
  meetingEnd,
  meetingEndOf,
  notRunningCode,
  notRunningError,
  openOfProcess,
  refuseRestarting,
  type TerminalSize,
} from "./process/mod.ts";
export {
  type Container,
  ContainerRegistry,
  type ContainerState,
  containerRepository,
  type Health,
  isAlive,
  type ProbeResult,
  RowFiles,
} from "./record/mod.ts";
export { capabilitySets, environmentOf, limitsOf, mappedIds } from "./runtime-spec/mod.ts";
export { grantedCapabilities, seccompCompiler, userCache } from "./security/mod.ts";
export { ContainerService } from "./service.ts";
export {
  type ContainerSpecification,
  type HealthSpecification,
  namespaceKinds,
  plainSpecification,
  refuseNul,
  validatePath,
  validateStrings,
} from "./specification/mod.ts";
export { linkedEnvironment } from "./start/mod.ts";
export { PendingStream } from "./streams/mod.ts";
export { booleanOf } from "./view/mod.ts";
