/** `events`: JSON lines about a running container: its statistics, once or again and again, and each time memory ran out. */

import { readOomKills } from "../../kernel/cgroup.ts";
import { readCgroupDetails } from "../../kernel/cgroup-details.ts";
import { readCgroupStats } from "../../kernel/cgroup-statistics.ts";
import { readAvailable } from "../../kernel/io.ts";
import { openOomEvents } from "../../kernel/oom-descriptor.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { openPidfd } from "../../kernel/pidfd.ts";
import { PollSet, pollIn } from "../../kernel/poll.ts";
import { readResctrl } from "../../kernel/resctrl.ts";
import { monotonicMs } from "../../lib/clock.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import type { ContainerGroup } from "../../runtime/groups/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import { readContainer, type StoredContainer } from "../container/container-record.ts";
import { jsonText, statisticsDocument } from "../container/statistics-document.ts";
import { isAlive } from "../container/status.ts";
import { usage } from "../flags.ts";

const defaultIntervalMs = 5000;
const unitsMs: Readonly<Record<string, number>> = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 };
const entries = { process: 0, memory: 1 } as const;
const eventBytes = 4096;

export function events(context: CommandContext): number {
  const { flags, root } = context;
  const intervalMs = intervalOf(flags.text("interval"));
  const container = readContainer(root, idOf(context));
  const { id, process, record } = container;
  if (!isAlive(process))
    throw new TiffinError("conflict", "runtime.not-running", `container ${id} is not running`);
  const { cgroup } = record;
  if (cgroup === null)
    throw new TiffinError("unavailable", "runtime.no-cgroup", "the container has no cgroup");
  if (flags.switch("stats")) {
    printStats(context, container, cgroup);
    return 0;
  }
  const pidfd = openPidfd(process.pid);
  if (pidfd === undefined) return 0;
  using main = pidfd;
  using memory = openOomEvents(cgroup.facts, cgroup.directory);
  follow(context, container, cgroup, { main, memory, intervalMs });
  return 0;
}

/** A Go duration: `5s`, `1m30s`, `0.5h`. */
function intervalOf(text: string | undefined): number {
  if (text === undefined) return defaultIntervalMs;
  const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h)/g)];
  const isWhole = parts.map(([part]) => part).join("") === text;
  const ms = parts.reduce((sum, [, count, unit]) => sum + Number(count) * (own(unitsMs, unit ?? "") ?? 0), 0);
  if (!isWhole || ms <= 0) {
    throw usage(`--interval is ${JSON.stringify(text)}, wanted a duration such as 5s`);
  }
  return ms;
}

interface Followed {
  readonly main: OwnedFd;
  readonly memory: OwnedFd | undefined;
  readonly intervalMs: number;
}

/** Until the main process ends. */
function follow(
  context: CommandContext,
  container: StoredContainer,
  cgroup: ContainerGroup,
  { main, memory, intervalMs }: Followed,
): void {
  const set = new PollSet(2);
  set.set(entries.process, main, pollIn);
  set.set(entries.memory, memory, pollIn);
  const kills = (): number => readOomKills(cgroup.facts, cgroup.directory);
  let known = kills();
  let dueMs = monotonicMs() + intervalMs;
  const oom = (): void => context.host.print(1, `${JSON.stringify({ type: "oom", id: container.id })}\n`);
  for (;;) {
    const outcome = set.wait(Math.max(0, dueMs - monotonicMs()));
    if (outcome === "interrupted") continue;
    const hasEnded = set.events(entries.process) !== 0;
    if (outcome === "ready" && memory !== undefined && set.events(entries.memory) !== 0) {
      readAvailable(memory, new Uint8Array(eventBytes));
      const total = kills();
      // v1 speaks before it kills; v2 also of other events than kills.
      if (cgroup.facts.mode !== "v2" || total > known) oom();
      known = total;
    }
    if (hasEnded) return;
    if (outcome !== "timeout") continue;
    printStats(context, container, cgroup);
    dueMs += intervalMs;
  }
}

function printStats(
  { host }: CommandContext,
  { id, record: { resctrl } }: StoredContainer,
  { facts, directory }: ContainerGroup,
): void {
  const data = statisticsDocument(
    readCgroupStats(facts, directory),
    readCgroupDetails(facts, directory),
    resctrl === undefined ? undefined : readResctrl(resctrl.mountPoint, resctrl),
  );
  host.print(1, `${jsonText({ type: "stats", id, data })}\n`);
}
