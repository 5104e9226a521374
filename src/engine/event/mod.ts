/** What happens in the engine, inside and for clients. */
export { type EngineEvent, EventBus, type EventType } from "./event-bus.ts";
export { EventService } from "./event-service.ts";
