/** `tiffin stats`. */
import { pause } from "../../lib/timer.ts";
import { defineCommand } from "../command.ts";
import type { CliContext } from "../context.ts";
import { cleanName } from "../each-container.ts";
import { text, toggle } from "../flags/flag.ts";
import { formatList } from "../format/list-format.ts";
import { statsRow, statsShape } from "../statistics/stats-row.ts";
import { type Watched, WatchedContainers } from "../statistics/watched-containers.ts";

const redrawMs = 500;
const home = "\u001b[H";
const clearLine = "\u001b[K";
const clearBelow = "\u001b[J";
const clearAll = "\u001b[2J";

interface Shown {
  readonly format: string;
  readonly whole: boolean;
}

async function tableOf(watched: readonly Watched[], { format, whole }: Shown): Promise<string> {
  const rows = watched.map(({ name, stats }) => statsRow(name, stats, whole));
  return await formatList(rows, statsShape, format);
}

/** One document of each, all at once: every one takes the second that lies between two moments. */
async function once(
  context: CliContext,
  names: readonly string[],
  all: boolean,
  shown: Shown,
): Promise<void> {
  const api = await context.parallelApi();
  const listed = names.length > 0 ? undefined : await api.document("containerList", { query: { all } });
  const wanted = listed?.map(({ Id }) => Id) ?? names;
  const watched = wanted.map(async (name): Promise<Watched> => {
    const lines = api.lines("containerStats", { params: { name }, query: { stream: false } });
    for await (const stats of lines) return { name, stats };
    return { name, stats: undefined };
  });
  const found = await Promise.allSettled(watched);
  const failed = found.find((outcome) => outcome.status === "rejected");
  // One of those that nobody named may have gone meanwhile.
  if (failed !== undefined && names.length > 0) throw failed.reason;
  const spoken = found.flatMap((outcome) => (outcome.status === "fulfilled" ? [outcome.value] : []));
  context.out(
    await tableOf(
      spoken.filter(({ stats }) => names.length > 0 || stats !== undefined),
      shown,
    ),
  );
}

/** On a terminal each table takes the place of the last, cut to what fits; else they follow each other. */
async function follow(
  context: CliContext,
  names: readonly string[],
  all: boolean,
  shown: Shown,
): Promise<void> {
  const { io } = context;
  const containers = new WatchedContainers(await context.parallelApi());
  for (const name of names) containers.add(name, false);
  if (names.length === 0) await containers.addAll(all);
  await containers.spoken();
  const isDrawn = io.isTerminal(1);
  containers.changed = true;
  if (isDrawn) context.out(clearAll);
  for (;;) {
    containers.check();
    if (containers.changed) {
      containers.changed = false;
      const table = await tableOf(containers.all, shown);
      context.out(isDrawn ? drawn(table, io.windowSize(1)?.rows) : table);
    }
    if (names.length > 0 && containers.all.length === 0) return;
    await pause(redrawMs);
  }
}

function drawn(table: string, rows = Number.POSITIVE_INFINITY): string {
  const lines = table
    .split("\n")
    .slice(0, -1)
    .slice(0, Math.max(1, rows - 1));
  return `${home}${lines.map((line) => `${line}${clearLine}\n`).join("")}${clearBelow}`;
}

export const command = defineCommand({
  names: ["container stats", "stats"],
  usage: "[OPTIONS] [CONTAINER...]",
  summary: "Display a live stream of container(s) resource usage statistics",
  flags: {
    all: toggle("a", "Show all containers (default shows just running)"),
    format: text("", "How to print: 'table', 'table TEMPLATE', 'json', or a Go template"),
    "no-stream": toggle("", "Print what is used now, once"),
    "no-trunc": toggle("", "Do not shorten ids"),
  },
  least: 0,
  async run({ values, positionals, context }) {
    const names = positionals.map(cleanName);
    const shown = { format: values.format, whole: values["no-trunc"] };
    if (values["no-stream"]) await once(context, names, values.all, shown);
    else await follow(context, names, values.all, shown);
    return 0;
  },
});
