/** What is asked of a container: decoded, merged with the image's defaults, and checked. Pure; it knows of no container. */
export { cgroupParentPath } from "./cgroup-parent.ts";
export {
  type ContainerDocument,
  commandOf,
  commandText,
  type MergedHostConfig,
  timeAnnotation,
} from "./document.ts";
export { decodeLogLimits } from "./log-limits.ts";
export { checkLogConfig, logDetails } from "./log-options.ts";
export { mergeConfig, mergeHostConfig } from "./merge.ts";
export { validateMountOptions, validateMountPlace } from "./mount-place.ts";
export { collectMounts, type MountSpec } from "./mount-spec.ts";
export { decodePorts, validateExposed } from "./ports.ts";
export { validateContainer } from "./validate.ts";
export { refuseNul, validatePath, validateStrings } from "./validate-words.ts";
export { wantedEndpoint } from "./wanted-endpoint.ts";
