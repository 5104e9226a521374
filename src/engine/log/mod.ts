/** Reading the logs that supervisors write. */
export { LogCursor, type LogEntry, type LogSelection } from "./cursor.ts";
export { type FollowedLog, readLog } from "./read-log.ts";
