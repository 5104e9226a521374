/** Volumes: their store, and what clients do with them. */
export {
  checkLocalOptions,
  isReadOnlyMount,
  type LocalMount,
  localMountOf,
  withAddress,
} from "./local-options.ts";
export { type PluginPlaces, VolumePlugins } from "./plugins.ts";
export { VolumeService } from "./volume-service.ts";
export {
  isAnonymousName,
  localDriver,
  openVolumeStore,
  type Volume,
  type VolumeStore,
  type VolumeWishes,
} from "./volume-store.ts";
