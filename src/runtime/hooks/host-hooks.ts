/** Hooks that run on the host: started here, one after the other, with the container's state on their stdin. */
import { pathStatus } from "../../kernel/directory.ts";
import { sealedMemfd } from "../../kernel/memfd.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { openPidfd, reapChild, signalPidfd } from "../../kernel/pidfd.ts";
import { spawn } from "../../kernel/spawn.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { OciHook } from "../../oci/mod.ts";
import { argumentsOf, foreverMs, type HookState, limitMsOf, stateText } from "./hook-state.ts";
import { environmentOf } from "./plan-hooks.ts";

/** What hooks have from whoever runs them. */
export interface HookHost {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Where they run when the bundle is not there any more. */
  readonly cwd: string;
  /** The third is where they write. */
  readonly standard: readonly [stdin: OwnedFd, stdout: OwnedFd, stderr: OwnedFd];
  /** True once `fd` is readable or hung up, false after `limitMs`. */
  readable(fd: OwnedFd, limitMs: number): Promise<boolean>;
}

const sigkill = 9;

/** Runs `hooks` in order and throws for the first that does not end with 0 in its time. */
export async function runHostHooks(
  kind: string,
  hooks: readonly OciHook[],
  state: HookState,
  pid: number,
  host: HookHost,
): Promise<void> {
  if (hooks.length === 0) return;
  // A file rather than a pipe: a hook that does not read cannot hold us up.
  const text = stateText(state, pid);
  // As with the other runtimes, while it is there; a caller may remove it before the last hooks run.
  const cwd = pathStatus(state.bundle)?.type === "directory" ? state.bundle : host.cwd;
  for (const [index, hook] of hooks.entries()) {
    await runHostHook(`${kind}[${index}]`, hook, text, { host, cwd });
  }
}

interface HookPlace {
  readonly host: HookHost;
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
      argv: argumentsOf(hook),
      env: hook.env ?? environmentOf(host.env),
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

function failed(name: string, hook: OciHook, what: string): TiffinError {
  return new TiffinError(
    "invalid",
    "runtime.hook-failed",
    `error running hook ${name} ${hook.path}: ${what}`,
  );
}
