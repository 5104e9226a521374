/** The end of a run and of a container: exit, stop, wait, removal. */
export type { EndContext } from "./context.ts";
export { settleExit, watchExit } from "./exit.ts";
export { pruneContainers } from "./prune.ts";
export { type RemoveOptions, removeContainer, removeUnreadable, takeAway } from "./remove.ts";
export {
  decodeSignal,
  endForPowerOff,
  endUnhealthy,
  killContainer,
  powerOffSeconds,
  type StopOptions,
  stopContainer,
} from "./stop.ts";
export { waitFor } from "./wait.ts";
