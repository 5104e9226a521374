/** Hooks that run inside of the container: they become operations of its plan. */
import type { OciHook } from "../../oci/mod.ts";
import type { PlanHook } from "../../plan/mod.ts";
import { argumentsOf, blankStateText, type HookState, limitMsOf } from "./hook-state.ts";

/**
 * The caller's variables: what a hook on the host has whose configuration says nothing about its environment, as with the
 * other runtimes. An empty list says that there are none.
 */
export function environmentOf(env: Readonly<Record<string, string | undefined>>): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/**
 * Hooks that the executor runs in the container's namespaces; it puts the pid into the blank. `environment`: of those whose
 * configuration does not give one.
 */
export function planHooks(
  hooks: readonly OciHook[],
  state: HookState,
  environment: () => readonly string[],
): PlanHook[] {
  if (hooks.length === 0) return [];
  const { text, pidOffset } = blankStateText(state);
  return hooks.map((hook) => ({
    path: hook.path,
    arguments: argumentsOf(hook),
    environment: hook.env ?? environment(),
    input: text,
    pidOffset,
    timeoutMs: limitMsOf(hook),
  }));
}
