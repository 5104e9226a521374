/** The door of hooks: run on the host, or made part of a plan. */

export type { HookState } from "./hook-state.ts";
export { type HookHost, isHookFailure, runHostHooks } from "./host-hooks.ts";
export { environmentOf, planHooks } from "./plan-hooks.ts";
