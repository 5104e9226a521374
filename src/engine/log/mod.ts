/** Reading the logs that supervisors write. */
export { LogCursor, type LogStop } from "./cursor.ts";
export { newestLogPath } from "./files.ts";
export { type FollowedLog, readLog } from "./read-log.ts";
export type { LogEntry, LogSelection } from "./selection.ts";
