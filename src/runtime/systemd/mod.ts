/** The door of systemd: groups that it makes for us, as scopes. */
export { type PlannedScope, planScope, stopScope, updateScope } from "./systemd-scope.ts";
