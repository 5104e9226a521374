/** What a container is to the engine: its state and the table of its changes, the registry of all, and their rows on disk. */
export type { ContainerDocument } from "./document.ts";
export type { Health, HealthStatus, ProbeResult } from "./health.ts";
export type { Container } from "./model.ts";
export { decodeContainerName, makeUpName } from "./names.ts";
export { ContainerRegistry, containerOfRow, type Unreadable } from "./registry.ts";
export { containerRepository } from "./repository.ts";
export { readRowFile, writeRowFileDurably } from "./row-file.ts";
export { RowFiles } from "./row-files.ts";
export {
  type ContainerState,
  countsAsRunning,
  type Ending,
  endingOf,
  holdOf,
  holdsNothing,
  isAlive,
  type NetworkHold,
  tokenOf,
} from "./state.ts";
