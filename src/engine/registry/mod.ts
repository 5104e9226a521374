/** Registries: pull, push, resolve, login, search. How a caller sees them is in `contract.ts`. */
export type * from "./contract.ts";
export { sha256Of } from "./digest-check.ts";
export { hostPlaces } from "./places.ts";
export { openRegistryClient } from "./registry-client.ts";
