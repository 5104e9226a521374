/** Reading the logs that supervisors write. */
export { LogCursor, type LogStop } from "./cursor.ts";
export {
  DeliveredPlace,
  type Delivery,
  type DeliveryDriver,
  deliveryDrivers,
  deliveryOf,
  deliveryOptionNames,
  encodeDelivery,
  LinePieces,
  openSink,
  type Sink,
  type Speaker,
} from "./delivery/mod.ts";
export { newestLogPath } from "./files.ts";
export { type FollowedLog, readLog } from "./read-log.ts";
export type { LogEntry, LogSelection } from "./selection.ts";
