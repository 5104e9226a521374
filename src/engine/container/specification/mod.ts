/** What a container is to be, in the engine's own terms, and whether it can be had. Pure; it knows no document of Docker's. */
export { cgroupParentPath } from "./cgroup-parent.ts";
export { checkSpecification } from "./check.ts";
export { checkHealth, checkHealthPolicy, checkHealthTimes, checkRestart } from "./check-life.ts";
export { checkEndpoint } from "./check-network.ts";
export { checkUpdatedResources } from "./check-resources.ts";
export { chosenDetails, type LogSubject, logDetails } from "./log-details.ts";
export { checkTag, fillTag, type TagValues } from "./log-tag.ts";
export { checkMounts, checkTmpfsOptions, cleanPath, isVolumeName } from "./mount-place.ts";
export { namespaceKinds } from "./namespaces.ts";
export {
  defaultGraceSeconds,
  defaultLogFileBytes,
  defaultLogFiles,
  defaultMaskedPaths,
  defaultNetworkName,
  defaultReadonlyPaths,
  defaultShmBytes,
  defaultTerminal,
  plainSpecification,
} from "./plain.ts";
export { refuse } from "./refuse.ts";
export {
  type ContainerLink,
  type ContainerSpecification,
  containerSpecification,
  type DeviceRule,
  type ExposedPort,
  type HealthSpecification,
  type HostLine,
  type IpcNamespace,
  type LogDetails,
  type LogSpecification,
  type MountSpec,
  mountSpecification,
  type ProcessLimit,
  type ProcessSpecification,
  type Propagation,
  propagations,
  type ResourceLimits,
  type RestartSpecification,
  type SeccompSetting,
  type TmpfsMount,
  type WantedDevice,
  type WantedEndpoint,
  type WantedPort,
} from "./specification.ts";
export { refuseNul, validatePath, validateStrings } from "./words.ts";
