/** Volumes: their store, and what clients do with them. */
export { VolumeService } from "./volume-service.ts";
export {
  isAnonymousName,
  openVolumeStore,
  type Volume,
  type VolumeStore,
  type VolumeWishes,
} from "./volume-store.ts";
