/** Streams between clients and a container that know neither. */

export { PendingStream } from "./pending-stream.ts";
export { ReplayStream } from "./replay-stream.ts";
export { WatchedStream } from "./watched-stream.ts";
