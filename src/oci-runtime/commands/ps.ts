/** `ps`: the container's processes, by number or as the host's ps(1) shows them. */
import { listCgroupProcesses } from "../../kernel/cgroup-processes.ts";
import { readToEnd } from "../../kernel/io.ts";
import { reapChild } from "../../kernel/pidfd.ts";
import { TiffinError } from "../../lib/errors.ts";
import { startPs } from "../../runtime/mod.ts";
import { type CommandContext, idOf } from "../command.ts";
import { readContainer } from "../container/container-record.ts";
import { usage } from "../flags.ts";

const outputLimitBytes = 64 * 1024 * 1024;
const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

export function ps(context: CommandContext): number {
  const { flags, root, words } = context;
  const format = flags.text("format") ?? "table";
  const { cgroup } = readContainer(root, idOf(context)).record;
  if (cgroup === null)
    throw new TiffinError("unavailable", "runtime.no-cgroup", "the container has no cgroup");
  const pids = listCgroupProcesses(cgroup.facts, cgroup.directory);
  if (format === "json") context.host.print(1, `${JSON.stringify(pids)}\n`);
  else if (format === "table") context.host.print(1, table(new Set(pids), words.slice(1), context));
  else throw usage(`unknown format ${JSON.stringify(format)}`);
  return 0;
}

function table(pids: ReadonlySet<number>, options: readonly string[], { host }: CommandContext): string {
  const [header = "", ...lines] = outputOfPs(
    options.length === 0 ? ["-ef"] : options,
    host.env["PATH"],
  ).split("\n");
  const column = header.trim().split(/\s+/).indexOf("PID");
  if (column < 0) throw usage("the options of ps leave out the column PID");
  const own = lines.filter((line) => pids.has(Number(line.trim().split(/\s+/)[column])));
  return `${[header, ...own].join("\n")}\n`;
}

function outputOfPs(options: readonly string[], path = defaultPath): string {
  const running = startPs(options, path);
  if (running === undefined)
    throw new TiffinError("unavailable", "runtime.no-ps", "the host has no program ps");
  using output = running.output;
  const text = new TextDecoder().decode(readToEnd(output, outputLimitBytes));
  const ended = reapChild(running.pid, { block: true });
  if (typeof ended === "object" && (ended.kind !== "exited" || ended.code !== 0)) {
    throw usage(`ps ${options.join(" ")} failed: ${text.trim().split("\n")[0] ?? ""}`);
  }
  return text;
}
