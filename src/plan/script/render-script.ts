/**
 * A plan as a script of standard tools that makes the same container by hand: util-linux (unshare, nsenter, mount, pivot_root,
 * setpriv, prlimit), iproute2, nftables, coreutils. The few steps that none of them does are done by a helper in Perl that is
 * printed with it; what nobody does the script says on standard error, so it never claims more than it gives. It takes back
 * all that it has made. Its programs are the host's also after the root has changed: they are kept in a file system of their
 * own that is reachable through one descriptor, which the program does not get.
 */
import { oneLine, quote } from "../../lib/shell-words.ts";
import type { Plan, ProcessOp } from "../plan.ts";
import type { Say } from "../say/mod.ts";
import {
  environmentWords,
  filterFile,
  hereDocument,
  hiddenLines,
  layerLines,
  maskedLines,
  toolLines,
} from "./brought-along.ts";
import { cloneCommand } from "./clone-command.ts";
import { groupLines, groupPlaces, intoGroup, ownGroup } from "./control-groups.ts";
import { functionsText } from "./functions.ts";
import { helperText } from "./helper.ts";
import { chapterLine, ordered, withChapters } from "./op-order.ts";
import { type Gathered, opLines } from "./op-script.ts";
import { Places } from "./places.ts";
import { placeSlots, targetOf } from "./slot-places.ts";
import type { ScriptNetwork, ScriptSurroundings } from "./surroundings.ts";
import { halvesInFiles, holderLines, isOfHolder, userNamespaceOf } from "./user-namespace.ts";

const needed: readonly (readonly [string, string])[] = [
  ["unshare", "util-linux"],
  ["nsenter", "util-linux"],
  ["setpriv", "util-linux"],
  ["pivot_root", "util-linux"],
  ["prlimit", "util-linux"],
  ["mount", "mount"],
  ["findmnt", "util-linux"],
  ["perl", "perl-base"],
];

const neededForNetwork: readonly (readonly [string, string])[] = [
  ["ip", "iproute2"],
  ["nft", "nftables"],
];

export function renderScript(plan: Plan, surroundings: ScriptSurroundings): string {
  const { name, id, network, sources, rival } = surroundings;
  const users = userNamespaceOf(plan);
  const groupOf = groupPlaces(plan, id);
  const { known, bound, hiddenSources, missing } = placeSlots(plan, surroundings, groupOf);
  const places = new Places(plan, known);
  const gathered: Gathered = {
    early: [],
    privileges: [],
    late: [],
    filter: undefined,
    entered: false,
    notes: [],
  };
  const environment = environmentWords(plan, surroundings);
  const { vocabulary } = surroundings;
  const { say } = vocabulary;
  const { hidden } = surroundings;
  const script = { places, gathered, environment, say, hidden, ownUsers: users !== undefined };
  const [join, rest] = ordered(plan);
  const linesOf = (list: readonly ProcessOp[]): string[] =>
    withChapters(list, vocabulary, (op) => opLines(renamed(op, id, sources), script));
  const first = [
    ...intoGroup(plan, groupOf),
    ...linesOf(users === undefined ? join : join.filter((op) => !isOfHolder(op))),
  ];
  const outside = users === undefined ? [] : linesOf(rest.filter(({ stage }) => stage !== "child"));
  const second = linesOf(users === undefined ? rest : rest.filter(({ stage }) => stage === "child"));
  const makesCgroupNamespace = first.at(-1)?.startsWith("next") === true;
  if (makesCgroupNamespace) first.pop();
  const filter = gathered.filter;
  const layers = layerLines(plan, sources, say);
  const notes = [
    ...surroundings.notes,
    ...plan.warnings.map(vocabulary.warning),
    ...(network?.notes ?? []),
    ...missing,
    ...new Set(gathered.notes),
  ];
  return [
    "#!/bin/sh",
    `# ${say("Container {0} ({1}) by hand. Run as root on the host that wrote this, from a file: sh FILE", oneLine(name), id.slice(0, 12))}`,
    `# ${say("It makes what tiffin explain shows, becomes the container's program, and takes all back when that ends.")}`,
    `# ${say("Another root file system in the place of the image's: ROOTFS=/some/directory sh FILE")}`,
    ...notes.map((note) => `# ${say("Note: {0}", oneLine(note))}`),
    "set -eu",
    "umask 022",
    "export LC_ALL=C",
    'fail() { echo "$0: $*" >&2; exit 1; }',
    `[ "$(id -u)" = 0 ] || fail "${say("only root can do this")}"`,
    ...[...needed, ...neededForNetwork.filter(([tool]) => usesTool(network, tool))].map(
      ([tool, where]) =>
        `command -v ${tool} > /dev/null || fail "${say("{0} is missing: it is in Debian's {1}", tool, where)}"`,
    ),
    ...notes.map((note) => `echo ${quote(say("note: {0}", oneLine(note)))} >&2`),
    ...(rival === undefined
      ? []
      : [
          `[ ! -d ${quote(rival)} ] || fail "${say("the container runs: stop it first, as its addresses and ports would be there twice")}"`,
        ]),
    ...hiddenSources.map((slot) => {
      const variable = `SOURCE_${slot.slice("bind:".length)}`;
      const what = say(
        "what is mounted at {0} is masked here: set {1} to its path",
        targetOf(plan, slot),
        variable,
      );
      return `[ -n "\${${variable}-}" ] || fail ${quote(what)}`;
    }),
    ...hiddenLines(surroundings.hidden, say, (why) => `fail ${quote(why)}`),
    ...maskedLines(surroundings.masked, say),
    "",
    "exec 3<&0",
    `# ${say("What is made is taken back at the end, the newest first.")}`,
    "taken_back=",
    "later() {",
    '  taken_back="$*',
    '$taken_back"',
    "}",
    "main=",
    "clean_up() {",
    "  status=$?",
    "  trap '' INT TERM HUP",
    '  [ -z "$main" ] || { stop_all; wait "$main" || :; } 2> /dev/null',
    '  printf \'%s\\n\' "$taken_back" | while IFS= read -r line; do eval "$line" || :; done',
    "  exit $status",
    "}",
    "trap clean_up EXIT",
    `# ${say("A signal is only noted, so that it never ends the taking back.")}`,
    "stopped=",
    "trap stopped=129 HUP",
    "trap stopped=130 INT",
    "trap stopped=143 TERM",
    "work=$(mktemp -d)",
    "later 'rm -rf --one-file-system \"$work\"'",
    "machine=$(uname -m)",
    "export work machine",
    'mkdir "$work/upper" "$work/work" "$work/tools"',
    "",
    `# ${say("Helpers.")}`,
    ...hereDocument("functions.sh", "END_OF_FUNCTIONS", [functionsText(say).trimEnd()]),
    ...hereDocument("helper.pl", "END_OF_HELPER", [helperText(say).trimEnd()]),
    ...filterFile(filter, say),
    "",
    ...chapterLine("cgroup", vocabulary),
    ...groupLines(plan, id, say),
    ...(users === undefined
      ? []
      : ["", ...chapterLine("namespaces", vocabulary), ...holderLines(plan, users, say)]),
    ...(network === undefined || network.lines.length === 0
      ? []
      : ["", ...chapterLine("network", vocabulary), ...network.lines]),
    "",
    ...(users === undefined
      ? plainFiles(
          { layers, first, bound, second, makesCgroupNamespace, tools: toolLines(filter !== undefined) },
          say,
        )
      : halvesInFiles(
          plan,
          users,
          {
            layers,
            tools: toolLines(filter !== undefined),
            bound,
            outside: [...outside, ...first],
            inside: second,
            makesCgroupNamespace,
          },
          say,
        )),
    "",
    "stop_all() {",
    `  # ${say("First who waits for it, or that would tell of its end.")}`,
    '  kill -KILL "$main" || :',
    '  [ -e "$work/groups" ] || return 0',
    "  while IFS= read -r group; do",
    '    while read -r process; do kill -KILL "$process" || :; done < "$group"',
    '  done < "$work/groups"',
    "}",
    '[ -z "$stopped" ] || exit "$stopped"',
    `${users === undefined ? cloneCommand(plan, places) : "unshare --mount --propagation private"} sh -eu "$work/first.sh" <&3 3<&- &`,
    "main=$!",
    "while :; do",
    '  wait "$main" && status=0 || status=$?',
    '  [ -z "$stopped" ] || exit "$stopped"',
    '  kill -0 "$main" 2> /dev/null || break',
    "done",
    "main=",
    'exit "$status"',
    "",
  ].join("\n");
}

interface PlainParts {
  readonly layers: readonly string[];
  readonly first: readonly string[];
  readonly bound: readonly string[];
  readonly second: readonly string[];
  readonly tools: readonly string[];
  readonly makesCgroupNamespace: boolean;
}

/** The files of a script whose users are the host's. */
function plainFiles(parts: PlainParts, say: Say): string[] {
  const { layers, first, bound, second, tools, makesCgroupNamespace } = parts;
  return [
    `# ${say("What the new process does first, in the new namespaces.")}`,
    ...hereDocument("first.sh", "END_OF_FIRST", [
      "set -eu",
      ...layers,
      ...first,
      `exec ${makesCgroupNamespace ? "unshare --cgroup " : ""}sh -eu "$work/rest.sh"`,
    ]),
    `# ${say("Mounts are made inside its own mount namespace: the host sees none of them.")}`,
    ...hereDocument("rest.sh", "END_OF_REST", [
      '. "$work/functions.sh"',
      `# ${say("The programs that are wanted once the root is another one, on a file system that only a descriptor leads to.")}`,
      ...tools,
      ...bound,
      ...second,
    ]),
  ];
}

function usesTool(network: ScriptNetwork | undefined, tool: string): boolean {
  return network?.lines.some((line) => line.trimStart().startsWith(`${tool} `)) ?? false;
}

/** With the script's own control groups, and with the namespaces of others where they are found without the engine. */
function renamed(op: ProcessOp, id: string, sources: ReadonlyMap<string, string>): ProcessOp {
  if (op.op === "open") {
    const [, type = ""] = /^linux\.namespaces\[(\w+)\]\.path$/.exec(op.cause) ?? [];
    const path = sources.get(`held:${type}`);
    return path === undefined ? op : { ...op, fields: { ...op.fields, path } };
  }
  if (op.op !== "openTree" || op.fields.path?.startsWith("/sys/fs/cgroup/") !== true) return op;
  return { ...op, fields: { ...op.fields, path: ownGroup(op.fields.path, id) } };
}
