/** `kill`: a signal to the main process, or with --all to every process of the container. */
import { signalCgroup } from "../../kernel/cgroup-processes.ts";
import { openPidfd, signalPidfd } from "../../kernel/pidfd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { parseSignal, signalNumbers } from "../../linux/signals.ts";
import { type CommandContext, idOf } from "../command.ts";
import { readContainer, type StoredContainer } from "../container/container-record.ts";
import { startTicksOf } from "../container/status.ts";
import { usage } from "../flags.ts";

export function kill(context: CommandContext): number {
  const word = context.words[1] || "TERM";
  // 0 only asks whether there is somebody to signal, as kill(2) has it.
  const signal = word === "0" ? 0 : parseSignal(word);
  if (signal === undefined) throw usage(`unknown signal ${JSON.stringify(word)}`);
  const container = readContainer(context.root, idOf(context));
  if (container.creating === true) throw notRunning();
  // Without a pid namespace of its own, the end of the main process ends nobody else.
  const all =
    context.flags.switch("all") || (signal === signalNumbers.SIGKILL && !container.record.ownPidNamespace);
  const { cgroup } = container.record;
  const reached = signalMain(container, signal, all && cgroup !== null);
  if (!all || cgroup === null) {
    if (!reached) throw notRunning();
    return 0;
  }
  const count = signalCgroup(cgroup.facts, cgroup.directory, signal);
  if (count === 0 && !reached && !context.flags.switch("all")) throw notRunning();
  return 0;
}

/** Engines read these words. */
function notRunning(): TiffinError {
  return new TiffinError("conflict", "runtime.not-running", "container not running");
}

/** False when it has ended. `only` looks without sending: the group's signal reaches it too. */
function signalMain({ process }: StoredContainer, signal: number, only: boolean): boolean {
  const pidfd = process === undefined ? undefined : openPidfd(process.pid);
  if (pidfd === undefined || process === undefined) return false;
  using owned = pidfd;
  if (startTicksOf(process.pid) !== process.startTicks) return false;
  return only || signalPidfd(owned, signal);
}
