/**
 * Hooks of the configuration. Those that run on the host are started here, one after the other, with the container's
 * state on their stdin; those that run inside of it become operations of the plan.
 */
import { pidBytes } from "../../abi/schema.ts";
import { pathStatus } from "../../kernel/directory.ts";
import { sealedMemfd } from "../../kernel/memfd.ts";
import { openPidfd, reapChild, signalPidfd } from "../../kernel/pidfd.ts";
import { spawn } from "../../kernel/spawn.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { OciHook, OciHooks } from "../../oci/mod.ts";
import type { PlanHook } from "../../plan/options.ts";
import type { ErrorLog } from "../error-log.ts";
import { type RuntimeHost, requireOwnProcess } from "../host/host.ts";
import type { ContainerStatus } from "./status.ts";

/** What a hook is told, without the pid. */
export interface HookState {
  readonly ociVersion: string;
  readonly id: string;
  readonly status: ContainerStatus;
  readonly bundle: string;
  readonly annotations?: Readonly<Record<string, string>>;
}

/** What hooks run with. */
export interface HookContext {
  readonly host: RuntimeHost;
  readonly log: ErrorLog;
}

const sigkill = 9;
const msPerSecond = 1000;
const foreverMs = 2 ** 31 - 1;
const beforePid = '{"pid":';
const encoder = new TextEncoder();

function textOf(state: HookState, pid: string): string {
  return `${beforePid}${pid},${JSON.stringify(state).slice(1)}`;
}

/**
 * Hooks on the host are the caller's children: its groups, limits, priority and session are theirs, as with any
 * runtime. To be called before anything is done that cannot be taken back. Throws `NotHere` in a helper.
 */
export function requireOwnHooks(host: RuntimeHost, hooks: OciHooks): void {
  const kinds = [hooks.prestart, hooks.createRuntime, hooks.poststart, hooks.poststop];
  if (kinds.some((kind) => (kind ?? []).length > 0)) requireOwnProcess(host, "hooks on the host");
}

/** Runs `hooks` in order and throws for the first that does not end with 0 in its time. */
export async function runHostHooks(
  kind: string,
  hooks: readonly OciHook[],
  state: HookState,
  pid: number,
  host: RuntimeHost,
): Promise<void> {
  if (hooks.length === 0) return;
  // A file rather than a pipe: a hook that does not read cannot hold us up.
  const text = encoder.encode(textOf(state, String(pid)));
  // As with the other runtimes, while it is there; a caller may remove it before the last hooks run.
  const cwd = pathStatus(state.bundle)?.type === "directory" ? state.bundle : host.cwd;
  for (const [index, hook] of hooks.entries()) {
    await runHostHook(`${kind}[${index}]`, hook, text, { host, cwd });
  }
}

interface HookPlace {
  readonly host: RuntimeHost;
  readonly cwd: string;
}

async function runHostHook(
  name: string,
  hook: OciHook,
  state: Uint8Array,
  { host, cwd }: HookPlace,
): Promise<void> {
  using input = sealedMemfd("state", state);
  const [, , output] = host.standard;
  let pid: number;
  try {
    pid = spawn({
      executable: hook.path,
      argv: hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path],
      env: hook.env ?? environmentOf(host),
      fds: [
        [input, 0],
        [output, 1],
        [output, 2],
      ],
      cwd,
    });
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw failed(name, hook, `cannot be started: ${thrown.code}`);
  }
  const pidfd = openPidfd(pid);
  const limitMs = limitMsOf(hook) || foreverMs;
  if (pidfd !== undefined) {
    using owned = pidfd;
    if (!(await host.readable(owned, limitMs))) {
      signalPidfd(owned, sigkill);
      reapChild(pid, { block: true });
      throw failed(name, hook, `did not end within ${hook.timeout} s and was killed`);
    }
  }
  const end = reapChild(pid, { block: true });
  if (end === "running" || end === "gone") throw failed(name, hook, "was lost");
  if (end.kind === "signaled") throw failed(name, hook, `ended by signal ${end.signal}`);
  if (end.code !== 0) throw failed(name, hook, `exited with ${end.code}`);
}

/** A hook of the host or of the container has not done what it should: that decides how the lifecycle goes on. */
export function isHookFailure(thrown: unknown): boolean {
  const code = thrown instanceof TiffinError ? thrown.code : "";
  return code === "runtime.hook-failed" || code === "start.hook-failed";
}

/**
 * The caller's variables: what a hook on the host has whose configuration says nothing about its environment, as with the
 * other runtimes. An empty list says that there are none.
 */
export function environmentOf({ env }: RuntimeHost): string[] {
  return Object.entries(env).flatMap(([name, value]) => (value === undefined ? [] : [`${name}=${value}`]));
}

/** 0: none. */
function limitMsOf({ timeout = 0 }: OciHook): number {
  return Math.min(timeout * msPerSecond, foreverMs);
}

function failed(name: string, hook: OciHook, what: string): TiffinError {
  return new TiffinError(
    "invalid",
    "runtime.hook-failed",
    `error running hook ${name} ${hook.path}: ${what}`,
  );
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
  const input = encoder.encode(textOf(state, " ".repeat(pidBytes)));
  return hooks.map((hook) => ({
    path: hook.path,
    arguments: hook.args !== undefined && hook.args.length > 0 ? hook.args : [hook.path],
    environment: hook.env ?? environment(),
    input,
    pidOffset: beforePid.length,
    timeoutMs: limitMsOf(hook),
  }));
}
