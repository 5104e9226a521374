/** One more process in a container that runs, as a script of standard tools. Pure. */
import { own } from "../../lib/own.ts";
import { oneLine, quote } from "../../lib/shell-words.ts";
import type { HiddenWords, Vocabulary } from "../explain/mod.ts";
import type { Plan } from "../plan.ts";
import {
  environmentWords,
  filterFile,
  hereDocument,
  hiddenLines,
  maskedLines,
  toolLines,
} from "./brought-along.ts";
import { helperText } from "./helper.ts";
import { type Gathered, namespaceNames, opLines } from "./op-script.ts";
import { Places } from "./places.ts";
import { isOfHolder } from "./user-namespace.ts";

export interface ExecSurroundings {
  /** Of the container. */
  readonly name: string;
  readonly id: string;
  /** Its first process, as the host counts. */
  readonly pid: number;
  /** Files through which its control groups are joined, by the names of the plan's slots. */
  readonly groups: ReadonlyMap<string, string>;
  readonly masked: ReadonlySet<string>;
  readonly hidden: HiddenWords;
  readonly notes: readonly string[];
  readonly vocabulary: Pick<Vocabulary, "say">;
}

/** One more process in a container that runs, by nsenter(1). It leaves nothing. */
export function renderExecScript(plan: Plan, surroundings: ExecSurroundings): string {
  const { name, id, pid, groups, masked, hidden } = surroundings;
  const { say } = surroundings.vocabulary;
  const known = new Map([...groups].map(([slot, path]) => [slot, quote(path)]));
  known.set("pidfd", `/proc/${pid}`);
  const gathered: Gathered = {
    early: [],
    privileges: [],
    late: [],
    filter: undefined,
    entered: true,
    notes: [],
  };
  const places = new Places(plan, known);
  const environment = environmentWords(plan, surroundings);
  const child = plan.ops.filter(({ stage }) => stage === "child");
  const entered = plan.ops.flatMap((op) =>
    op.op === "setns" && op.stage !== "parent" ? namespaceNames(op.fields.nstype) : [],
  );
  const directory = child.findLast(({ op }) => op === "chdir");
  const lines = child
    .filter((op) => !["chdir", "exec", "setns", "dup2"].includes(op.op) && !isOfHolder(op))
    .flatMap((op) => opLines(op, { places, gathered, environment, say, hidden }));
  if (directory?.op === "chdir") gathered.late.unshift(`cd=${directory.fields.path}`);
  const exec = child
    .filter(({ op }) => op === "exec")
    .flatMap((op) => opLines(op, { places, gathered, environment, say, hidden }));
  const words: Readonly<Record<string, string>> = { network: "net" };
  const enter = [...new Set(entered)].map((kind) => `--${own(words, kind) ?? kind}`).join(" ");
  const notes = [
    ...surroundings.notes,
    ...new Set(gathered.notes),
    say("nsenter, which waits for the process, is in the container's control groups too"),
  ];
  const isSilent = child.some(({ op, cause }) => op === "dup2" && cause === "no stdin");
  if (isSilent) lines.push("exec 0< /dev/null");
  const unified = groups.get("cgroup");
  if (unified !== undefined) lines.unshift(`echo 0 > ${quote(`${unified}/cgroup.procs`)}`);
  const [first = "", ...rest] = exec;
  return [
    "#!/bin/sh",
    `# ${say("A further process in container {0} ({1}) by hand. Run as root while it runs, from a file: sh FILE", oneLine(name), id.slice(0, 12))}`,
    ...notes.map((note) => `# ${say("Note: {0}", oneLine(note))}`),
    "set -eu",
    "export LC_ALL=C",
    `[ "$(id -u)" = 0 ] || { echo "$0: ${say("only root can do this")}" >&2; exit 1; }`,
    `[ -d /proc/${pid}/ns ] || { echo "$0: ${say("the container does not run any more")}" >&2; exit 1; }`,
    `# ${say("A mount namespace for the programs that come along: it goes with this script.")}`,
    '[ "$(printenv BY_HAND)" = "$$" ] || BY_HAND=$$ exec unshare --mount --propagation private sh "$0"',
    ...notes.map((note) => `echo ${quote(say("note: {0}", oneLine(note)))} >&2`),
    ...hiddenLines(hidden, say, (why) => `{ echo "$0: "${quote(why)} >&2; exit 1; }`),
    ...maskedLines(masked, say),
    "work=$(mktemp -d)",
    "machine=$(uname -m)",
    "export work machine",
    'mkdir "$work/tools"',
    ...hereDocument("helper.pl", "END_OF_HELPER", [helperText(say).trimEnd()]),
    ...filterFile(gathered.filter, say),
    ...toolLines(gathered.filter !== undefined),
    'umount -l "$work/tools"',
    'rm -r "$work"',
    `# ${say("Into its control groups, then into its namespaces, then it gives up what it may not have.")}`,
    ...lines,
    `${first.replace(/\\$/, "")}nsenter --target ${pid} ${enter} \\`,
    ...rest,
    "",
  ].join("\n");
}
