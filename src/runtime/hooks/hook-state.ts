/** What a hook reads from its stdin. */
import { pidBytes } from "../../abi/schema.ts";
import type { OciHook } from "../../oci/mod.ts";

/** What a hook is told, without the pid. */
export interface HookState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: "creating" | "created" | "running" | "paused" | "stopped";
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

const beforePid = '{"pid":';
const msPerSecond = 1000;
const encoder = new TextEncoder();
export const foreverMs = 2 ** 31 - 1;

/** The state document with the pid. */
export function stateText(state: HookState, pid: number): Uint8Array {
  return textOf(state, String(pid));
}

/** The document with a blank for the pid, and where that is. */
export function blankStateText(state: HookState): { readonly text: Uint8Array; readonly pidOffset: number } {
  return { text: textOf(state, " ".repeat(pidBytes)), pidOffset: beforePid.length };
}

function textOf(state: HookState, pid: string): Uint8Array {
  return encoder.encode(`${beforePid}${pid},${JSON.stringify(state).slice(1)}`);
}

export function argumentsOf({ path, args }: OciHook): readonly string[] {
  return args !== undefined && args.length > 0 ? args : [path];
}

/** 0: none. */
export function limitMsOf({ timeout = 0 }: OciHook): number {
  return Math.min(timeout * msPerSecond, foreverMs);
}
