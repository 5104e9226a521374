/** `tiffin proc`: /proc as people need it. */

import { TiffinError } from "../../lib/errors.ts";
import { suggestion } from "../../lib/suggestion.ts";
import { isViewName, viewOutlines } from "../../observe/outline.ts";
import { defineCommand } from "../command.ts";
import { text, toggle } from "../flags/flag.ts";
import { ArgumentCountError } from "../flags/usage-error.ts";
import { containerNames, findTarget } from "../observed-target.ts";
import { writeObserved } from "../write-observed.ts";

const width = Math.max(...viewOutlines.map(({ name }) => name.length), "modules".length);
const more = [
  { name: "tree", summary: "the process tree, with container and namespaces of each" },
  { name: "modules", summary: "modules of the kernel, as lsmod shows them" },
];
const viewLines = [...viewOutlines, ...more].map(
  ({ name, summary }) => `  ${name.padEnd(width)}   ${summary}`,
);

export const command = defineCommand({
  names: ["proc"],
  usage: "[OPTIONS] VIEW [TARGET [PID]]",
  summary: "Show what the kernel knows of a process",
  details: `TARGET is a process number of this machine, "self", or a container; PID is a number inside that container.

Views:
${viewLines.join("\n")}`,
  flags: {
    container: toggle("c", "TARGET is a container, even when it consists of digits"),
    json: toggle("", "Print JSON"),
    range: text("", "Which memory: START-END (hexadecimal) or START+LENGTH"),
    raw: toggle("", "Print what the kernel says, undecoded"),
  },
  least: 1,
  most: 3,
  async run({ values, given, positionals, context }) {
    const [view = "", name, inside] = positionals;
    const observer = await context.io.observer();
    const isKnown = isViewName(view) || more.some((one) => one.name === view);
    if (!isKnown) {
      const names = [...viewOutlines, ...more].map((one) => one.name);
      throw new TiffinError(
        "invalid",
        "cli.no-view",
        `there is no view ${JSON.stringify(view)}${suggestion(view, names)}`,
        {
          remedy: `there are ${names.join(", ")}`,
        },
      );
    }
    if (values.raw && values.json)
      throw new TiffinError("invalid", "cli.raw-json", "--raw and --json exclude each other");
    if (view === "modules" || view === "tree") {
      if (values.raw || given.has("range")) {
        throw new TiffinError("invalid", "cli.view-option", `${view} has no --raw and no --range`);
      }
      if (view === "modules") {
        if (name !== undefined)
          throw new ArgumentCountError("'tiffin proc modules' accepts no target", "See");
        return writeObserved(context, observer.modules(), values.json);
      }
      const names = await containerNames(context);
      const root = name === undefined ? undefined : await findTarget(context, name, inside, values.container);
      return writeObserved(context, await observer.tree(root, names), values.json);
    }
    if (name === undefined) {
      throw new ArgumentCountError(`'tiffin proc ${view}' requires a process or a container`, "See");
    }
    const target = await findTarget(context, name, inside, values.container);
    const range = given.has("range") ? values.range : undefined;
    if (!values.raw) return writeObserved(context, observer.view(view, target, range), values.json);
    context.io.write(1, observer.raw(view, target, range));
    return 0;
  },
});
