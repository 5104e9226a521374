/** The host side of a container's mounts: volumes made and filled, sources opened. */

export {
  lookAtMounts,
  makeVolumes,
  type OpenedBinds,
  openBinds,
  readyMounts,
  refuseMissingSource,
} from "./bind-sources.ts";
export type { MountsContext } from "./context.ts";
export { findMountImage } from "./find-image.ts";
export { hasForeign, releaseForeign } from "./foreign-volumes.ts";
export { openReady, releaseMounted, releaseTakenOff } from "./mounted-volumes.ts";
export { viewLayerOf } from "./view-layer.ts";
export { enterVolumes, leaveVolumes, tellVolumesLeft } from "./volume-use.ts";
