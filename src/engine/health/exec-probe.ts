/** A check of health by a program in the container. */

import { listCgroupProcesses } from "../../kernel/cgroup-processes.ts";
import { killProcessFamily } from "../../kernel/process-family.ts";
import { messageOf } from "../../lib/errors.ts";
import { after, within } from "../../lib/timer.ts";
import type { SupervisedProcess } from "../../runtime/mod.ts";
import { type Container, cgroupOf } from "../container/mod.ts";
import type { OwnProcess } from "../exec/mod.ts";
import type { HealthContext } from "./context.ts";
import { LimitedOutput } from "./limited-output.ts";
import { type ExecTest, type ProbeAnswer, timeoutText } from "./probe-answer.ts";

/** How long a program that has ended may keep its output open by what it left running. */
const outputLimitMs = 2000;

function commandOf(test: ExecTest): readonly string[] {
  return test.kind === "shell" ? ["/bin/sh", "-c", test.text] : test.arguments;
}

/**
 * Runs its command and waits until nothing of the check is left: at its end, or killed with all that it began, at the time
 * limit or by `abort`. Never rejects.
 */
export async function probeByExec(
  context: HealthContext,
  container: Container,
  test: ExecTest,
  timeoutMs: number,
  abort: AbortSignal,
): Promise<ProbeAnswer> {
  const { promise: cutShort, resolve } = Promise.withResolvers<"timeout" | "aborted">();
  using _timer = after(timeoutMs, () => resolve("timeout"));
  const aborted = (): void => resolve("aborted");
  abort.addEventListener("abort", aborted);
  try {
    const output = new LimitedOutput();
    const started = await context.execs.launch(container, commandOf(test));
    const finished = finish(started, output);
    const first = await Promise.race([finished, cutShort]);
    if (typeof first === "number") return { exitCode: first, output: output.text };
    kill(context, container, started.process);
    await finished;
    return { exitCode: -1, output: timeoutText(timeoutMs, output.text) };
  } catch (thrown) {
    return { exitCode: -1, output: messageOf(thrown) };
  } finally {
    abort.removeEventListener("abort", aborted);
  }
}

/** The exit code, once the output has been read. */
async function finish({ process, stream }: OwnProcess, output: LimitedOutput): Promise<number> {
  const read = new Promise<void>((resolve) => {
    stream.listen({ data: (chunk) => output.push(chunk), end: resolve, close: () => resolve() });
  });
  const { exitCode } = await process.exited;
  await within(read, outputLimitMs);
  stream.destroy();
  return exitCode;
}

function kill(context: HealthContext, container: Container, { pid }: SupervisedProcess): void {
  const group = cgroupOf(context, container.id);
  killProcessFamily(pid, () => listCgroupProcesses(context.facts.cgroup, group));
}
