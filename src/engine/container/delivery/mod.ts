/** A container's output on its way to receivers elsewhere. */
export { Deliveries, type DeliverySubject } from "./deliveries.ts";
