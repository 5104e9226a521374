/** A container's running process: reached by descriptor, attached to, its groups on the host, and who waits for its end. */

export { type Attached, type AttachOptions, attachContainer, attachPending, flagsOf } from "./attach.ts";
export type { ProcessContext } from "./context.ts";
export { cgroupMark, cgroupOf, ownCgroupParent, releaseHost, releaseOwnParent } from "./host-part.ts";
export { deliverySubject, logDetailsOf, writerOf } from "./log-subject.ts";
export {
  heldProcess,
  meetingEnd,
  meetingEndOf,
  notRunningCode,
  notRunningError,
  openOfProcess,
  refuseRestarting,
} from "./meeting-end.ts";
export { nextExit, tellExits, unknownEnding } from "./next-exit.ts";
export { matchFreezer, pauseContainer, unpauseContainer, unpauseForSignal } from "./pause.ts";
export { resizeContainer, type TerminalSize } from "./resize.ts";
