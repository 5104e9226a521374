/** The ways of a container's output to receivers elsewhere. */
export {
  type Delivery,
  type DeliveryDriver,
  deliveryDrivers,
  deliveryOf,
  deliveryOptionNames,
} from "./config.ts";
export { DeliveredPlace } from "./delivered-place.ts";
export { type DeliveredLine, encodeDelivery, type Speaker } from "./encode.ts";
export { LinePieces } from "./line-pieces.ts";
export { openSink, type Sink } from "./sink.ts";
