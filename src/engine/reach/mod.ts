/** The door of reachability: whether one reaches the other, and what decides it. */
export { type KnownContainer, type ReachContext, ReachService } from "./reach-service.ts";
