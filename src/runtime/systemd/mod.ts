/** The door of systemd: groups that it makes for us, as scopes. */
export { machineGoesDown } from "./machine-goes-down.ts";
export { type PlannedScope, planScope, stopScope, updateScope } from "./systemd-scope.ts";
