/** `tiffin trace`: where the time of a container's last start went. */
import { own } from "../../lib/own.ts";
import { defineCommand } from "../command.ts";
import { cleanName } from "../each-container.ts";
import { integer, toggle } from "../flags/flag.ts";
import { alignColumns } from "../format/column-table.ts";
import { writeObserved } from "../write-observed.ts";

const usual = 15;
const nsPerMs = 1e6;

/** Ids are recognized by their beginning. */
function withShortIds(text: string): string {
  return text.replace(/[0-9a-f]{64}/g, (id) => `${id.slice(0, 12)}…`);
}

function milliseconds(nanoseconds: number): string {
  return `${(nanoseconds / nsPerMs).toFixed(3)} ms`;
}

/** The last of them is the sum of a part. */
const phaseMeanings: Readonly<Record<string, string>> = {
  lookUp: "user, mounts, devices looked up",
  network: "network joined, or taken from those made ahead",
  compile: "plan decided",
  host: "control groups made, limits written, log and record opened",
  launch: "executor taken, plan handed over, program running",
  take: "of launch: an executor that waits",
  send: "of launch: plan encoded and sent",
  clone: "of launch: in the executor, up to the new process",
  exec: "of launch: in the new process, up to its program",
  total: "launch as a whole",
};

export const command = defineCommand({
  names: ["trace"],
  usage: "[OPTIONS] CONTAINER",
  summary: "Show where the time of a container's start went",
  flags: {
    json: toggle("", "Print JSON: phases and every operation, in nanoseconds"),
    number: integer("n", "How many of the slowest operations to show, 0 for all", {
      shownDefault: String(usual),
    }),
  },
  least: 1,
  most: 1,
  async run({ values, positionals, context }) {
    const api = await context.api();
    const trace = await api.document("trace", { params: { name: cleanName(positionals[0] ?? "") } });
    const slowest = [...trace.Operations].sort((one, other) => other.Nanoseconds - one.Nanoseconds);
    const wanted = values.number ?? usual;
    const shown = wanted > 0 ? slowest.slice(0, wanted) : slowest;
    const phases = Object.entries(trace.Phases).map(
      ([name, nanoseconds]) => `${name}\t${milliseconds(nanoseconds)}\t${own(phaseMeanings, name) ?? ""}`,
    );
    const operations = shown.map(({ Index, Operation, Target, Cause, Nanoseconds }) =>
      [milliseconds(Nanoseconds), Index, Operation, withShortIds(Target), Cause].join("\t"),
    );
    const text = [
      alignColumns(["PHASE\tTIME\tWHAT", ...phases]),
      alignColumns(["TIME\t#\tOPERATION\tON\tBECAUSE OF", ...operations]),
    ].join("\n");
    return writeObserved(context, { text, json: trace }, values.json);
  },
});
