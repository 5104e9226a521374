/**
 * A plan as a script of standard tools that makes the same container by hand: util-linux (unshare, nsenter, mount, pivot_root,
 * setpriv, prlimit), iproute2, nftables, coreutils. The few steps that none of them does are done by a helper in Perl that is
 * printed with it; what nobody does the script says on standard error, so it never claims more than it gives. It takes back
 * all that it has made. Its programs are the host's also after the root has changed: they are kept in a file system of their
 * own that is reachable through one descriptor, which the program does not get.
 */
import { own } from "../../lib/own.ts";
import { oneLine, quote } from "../../lib/shell-words.ts";
import { cloneFlags, namespaceKinds } from "../../linux/clone-flags.ts";
import { chapterOf, maskText, type Vocabulary } from "../explain/mod.ts";
import type { HostOp, Plan, ProcessOp } from "../plan.ts";
import { functionsText } from "./functions.ts";
import { helperText } from "./helper.ts";
import { type Gathered, namespaceNames, opLines } from "./op-script.ts";
import { Places } from "./places.ts";

/** What a script does for the network, before the container and, by its `later`, after it. */
export interface ScriptNetwork {
  /** File of the network namespace: made by `lines`, or another container's. */
  readonly namespace: string;
  readonly lines: readonly string[];
  readonly notes: readonly string[];
}

export interface ScriptSurroundings {
  /** Of whom. */
  readonly name: string;
  readonly id: string;
  readonly vocabulary: Pick<Vocabulary, "chapters">;
  /** Files and directories behind received descriptors, by the names of the plan's slots. */
  readonly sources: ReadonlyMap<string, string>;
  readonly network: ScriptNetwork | undefined;
  /** Variables whose values are not to be written down. */
  readonly masked: ReadonlySet<string>;
  /** Said at the top and on standard error. */
  readonly notes: readonly string[];
  /** A control group that is there while the container itself runs; its addresses and ports are the script's. */
  readonly rival: string | undefined;
}

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
  const known = new Map<string, string>();
  const bound: string[] = [];
  const hiddenSources: string[] = [];
  const missing: string[] = [];
  const groupOf = groupPlaces(plan, id);
  for (const { name: slot } of plan.receives) {
    const place = groupOf.get(slot);
    if (place !== undefined) known.set(slot, place);
    else if (slot.startsWith("lower:") && sources.has(slot))
      known.set(slot, `"$work"/${slot.replace(":", "-")}`);
    else if (slot === "netns" && network !== undefined) known.set(slot, quote(network.namespace));
    else if (slot.startsWith("bind:")) {
      // Empty: who knows more says that there is none.
      const source = (boundSource(plan, slot) ?? sources.get(slot) ?? mountedSource(plan, slot)) || undefined;
      if (source?.includes(maskText) === true) {
        known.set(slot, `"$SOURCE_${slot.slice("bind:".length)}"`);
        hiddenSources.push(slot);
      } else if (source !== undefined) known.set(slot, quote(source));
      const { slot: number = -1 } = plan.receives.find(({ name: one }) => one === slot) ?? {};
      const place = known.get(slot);
      if (boundSource(plan, slot) === undefined) {
        // It comes as a mount of its own. Of one in another mount namespace mount(8) cannot make a copy.
        known.set(slot, `"$work"/${number}`);
        const at = `"$work"/${number}`;
        if (place !== undefined) bound.push(`clone --rbind ${place} ${at}`);
        else {
          bound.push(`mkdir ${at}; mount -t tmpfs -o nosuid,nodev,noexec shm ${at}`);
          missing.push(
            `what is at ${targetOf(plan, slot)} is another container's: an empty file system is in its place`,
          );
        }
      }
    } else {
      const source = sources.get(slot);
      if (source !== undefined) known.set(slot, quote(source));
    }
  }
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
  const script = { places, gathered, environment };
  const vocabulary = surroundings.vocabulary;
  const [join, rest] = ordered(plan);
  const first = [
    ...intoGroup(plan, groupOf),
    ...withChapters(join, vocabulary, (op) => opLines(renamed(op, id, sources), script)),
  ];
  const second = withChapters(rest, vocabulary, (op) => opLines(renamed(op, id, sources), script));
  const makesCgroupNamespace = first.at(-1)?.startsWith("next") === true;
  if (makesCgroupNamespace) first.pop();
  const filter = gathered.filter;
  const maps = plan.ops.find((op) => op.op === "idMap");
  const notes = [
    ...surroundings.notes,
    ...plan.warnings,
    ...(network?.notes ?? []),
    ...missing,
    ...new Set(gathered.notes),
    ...(maps === undefined
      ? []
      : ["files that the script makes belong to the host's users: their owners look unmapped inside"]),
  ];
  return [
    "#!/bin/sh",
    `# Container ${oneLine(name)} (${id.slice(0, 12)}) by hand. Run as root on the host that wrote this, from a file: sh FILE`,
    "# It makes what `tiffin explain` shows, becomes the container's program, and takes all back when that ends.",
    "# Another root file system in the place of the image's: ROOTFS=/some/directory sh FILE",
    ...notes.map((note) => `# Note: ${oneLine(note)}`),
    ...(maps === undefined
      ? []
      : [
          "# A user namespace of its own needs files whose owners are shown through a mapping, which mount(8) of Debian 12 cannot do.",
          'echo "$0: a container with a user namespace of its own cannot be made with Debian 12\'s tools" >&2; exit 1',
        ]),
    "set -eu",
    "umask 022",
    "export LC_ALL=C",
    'fail() { echo "$0: $*" >&2; exit 1; }',
    '[ "$(id -u)" = 0 ] || fail "only root can do this"',
    ...[...needed, ...neededForNetwork.filter(([tool]) => usesTool(network, tool))].map(
      ([tool, where]) =>
        `command -v ${tool} > /dev/null || fail "${tool} is missing: it is in Debian's ${where}"`,
    ),
    ...notes.map((note) => `echo ${quote(`note: ${oneLine(note)}`)} >&2`),
    ...(rival === undefined
      ? []
      : [
          `[ ! -d ${quote(rival)} ] || fail "the container runs: stop it first, as its addresses and ports would be there twice"`,
        ]),
    ...hiddenSources.map((slot) => {
      const variable = `SOURCE_${slot.slice("bind:".length)}`;
      const what = `what is mounted at ${targetOf(plan, slot)} is masked here: set ${variable} to its path`;
      return `[ -n "\${${variable}-}" ] || fail ${quote(what)}`;
    }),
    ...maskedLines(surroundings.masked),
    "",
    "exec 3<&0",
    "# What is made is taken back at the end, the newest first.",
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
    "# A signal is only noted, so that it never ends the taking back.",
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
    "# Helpers.",
    ...hereDocument("functions.sh", "END_OF_FUNCTIONS", [functionsText.trimEnd()]),
    ...hereDocument("helper.pl", "END_OF_HELPER", [helperText.trimEnd()]),
    ...filterFile(filter),
    "",
    ...chapterLine("cgroup", vocabulary),
    ...groupLines(plan, id),
    ...(network === undefined || network.lines.length === 0
      ? []
      : ["", ...chapterLine("network", vocabulary), ...network.lines]),
    "",
    "# What the new process does first, in the new namespaces.",
    ...hereDocument("first.sh", "END_OF_FIRST", [
      "set -eu",
      ...layerLines(plan, sources),
      ...first,
      `exec ${makesCgroupNamespace ? "unshare --cgroup " : ""}sh -eu "$work/rest.sh"`,
    ]),
    "# Mounts are made inside its own mount namespace: the host sees none of them.",
    ...hereDocument("rest.sh", "END_OF_REST", [
      '. "$work/functions.sh"',
      "# The programs that are wanted once the root is another one, on a file system that only a descriptor leads to.",
      ...toolLines(filter !== undefined),
      ...bound,
      ...second,
    ]),
    "",
    "stop_all() {",
    "  # First who waits for it, or that would tell of its end.",
    '  kill -KILL "$main" || :',
    '  [ -e "$work/groups" ] || return 0',
    "  while IFS= read -r group; do",
    '    while read -r process; do kill -KILL "$process" || :; done < "$group"',
    '  done < "$work/groups"',
    "}",
    '[ -z "$stopped" ] || exit "$stopped"',
    `${cloneCommand(plan, places)} sh -eu "$work/first.sh" <&3 3<&- &`,
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

function usesTool(network: ScriptNetwork | undefined, tool: string): boolean {
  return network?.lines.some((line) => line.trimStart().startsWith(`${tool} `)) ?? false;
}

/** Its source as it is written in the plan, which has it as a descriptor so that nobody can exchange it in between. */
function boundSource({ ops, receives }: Plan, slotName: string): string | undefined {
  const slot = receives.find(({ name }) => name === slotName)?.slot;
  const clone = ops.find((op) => op.op === "openTree" && op.fields.dir === slot && op.fields.path === null);
  return clone !== undefined && (clone.target.startsWith("/") || clone.target.includes(maskText))
    ? clone.target
    : undefined;
}

/** Where the mount goes. */
function targetOf({ ops }: Plan, slotName: string): string {
  const cause = `mounts[${slotName.slice("bind:".length)}]`;
  return oneLine(ops.find((op) => op.op === "moveMount" && op.cause === cause)?.target ?? "");
}

/** The same of one that comes as a mount already, where the plan names it. */
function mountedSource({ ops, receives }: Plan, slotName: string): string | undefined {
  const slot = receives.find(({ name }) => name === slotName)?.slot;
  const changed = ops.find((op) => op.op === "mountSetattr" && op.fields.mount === slot);
  const [, source] = /^clone of (.*)$/s.exec(changed?.target ?? "") ?? [];
  return source?.startsWith("/") === true || source?.includes(maskText) === true ? source : undefined;
}

/** The script's own groups, so that it may run beside the container. */
function ownGroup(path: string, id: string): string {
  return path.replaceAll(id, `${id.slice(0, 12)}-by-hand`);
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

/** Places of the slots that are control groups: `tasks` files of version 1, the directory of version 2. */
function groupPlaces({ hostOps, receives }: Plan, id: string): Map<string, string> {
  const places = new Map<string, string>();
  for (const { name } of receives) {
    const hierarchy = name === "cgroup" ? undefined : name.replace(/^cgroup:/, "");
    const made = hostOps.find(
      (op) =>
        op.op === "cgroupCreate" &&
        (hierarchy === undefined
          ? !receives.some((one) => one.name === `cgroup:${op.hierarchy}`)
          : op.hierarchy === hierarchy),
    );
    if (made === undefined || (name !== "cgroup" && !name.startsWith("cgroup:"))) continue;
    const directory = ownGroup(made.target, id);
    places.set(name, quote(name === "cgroup" ? directory : `${directory}/tasks`));
  }
  return places;
}

function groupLines({ hostOps }: Plan, id: string): string[] {
  const lines = [
    "# Its last process takes a moment to leave.",
    "remove_group() {",
    "  for _ in $(seq 100); do",
    '    rmdir "$1" 2> /dev/null && return 0',
    "    sleep 0.05",
    "  done",
    '  rmdir "$1"',
    "}",
    "# One word for eval.",
    'quoted() { printf "\'%s\'" "$(printf %s "$1" | sed "s/\'/\'\\\\\\\\\'\'/g")"; }',
    "# Makes a control group and those above it that are missing; in version 2 its parents pass their controllers on.",
    "group() {",
    '  [ ! -d "$1" ] || return 0',
    '  group "$(dirname "$1")"',
    '  if [ -e "$(dirname "$1")/cgroup.subtree_control" ]; then',
    '    for controller in $(cat "$(dirname "$1")/cgroup.controllers"); do',
    '      echo "+$controller" > "$(dirname "$1")/cgroup.subtree_control" || :',
    "    done 2> /dev/null",
    "  fi",
    '  mkdir "$1"',
    '  later "until rmdir $(quoted "$1"); do sleep 0.05; done 2> /dev/null"',
    "}",
  ];
  if (hostOps.length === 0) return [];
  return [...lines, ...hostOps.flatMap((op) => hostLines(op, id))];
}

export function hostLines(op: HostOp, id: string): string[] {
  const place = quote(ownGroup(op.target, id));
  switch (op.op) {
    case "cgroupCreate":
      return [
        `group ${place}`,
        `echo ${quote(`${ownGroup(op.target, id)}/cgroup.procs`)} >> "$work/groups"`,
        `[ "$(cat ${place}/cgroup.procs)" = "" ] || fail "this script runs already"`,
      ];
    case "cgroupWrite": {
      const tolerant =
        op.tolerate.length === 0 ? "" : ` 2> /dev/null || : # ${op.tolerate.join(", ")} is tolerated`;
      return [`printf %s ${quote(op.value)} > ${place}${tolerant}`];
    }
    case "cgroupDeviceProgram":
      return [`perl "$work/helper.pl" "$machine" devices=${place}=${op.program.toHex()}`];
  }
}

/** The group of version 2 is entered by clone3 in the plan. */
function intoGroup(plan: Plan, groupOf: ReadonlyMap<string, string>): string[] {
  const place = groupOf.get("cgroup");
  const clone = plan.ops.find((op) => op.op === "clone");
  return place === undefined || clone === undefined ? [] : [`echo 0 > ${place}/cgroup.procs`];
}

function isOfHost({ op }: ProcessOp): boolean {
  return [
    "setHostname",
    "setDomainname",
    "setScheduler",
    "setIoPriority",
    "setAffinity",
    "loopbackUp",
    "setRlimit",
  ].includes(op);
}

/**
 * In the order in which the script does them: what joins the control groups, then the mounts that a plan prepares on the host,
 * then the child's. What needs a program of the host and nothing of the image is done before its root is entered.
 */
function ordered({ ops }: Plan): readonly [ProcessOp[], ProcessOp[]] {
  const child = ops.filter(({ stage }) => stage === "child");
  const prepare = ops.filter(({ stage, op }) => stage === "prepare" && op !== "clone");
  const parent = ops.filter(({ stage }) => stage === "parent");
  const split = child.findIndex((op) => op.op === "unshare") + 1;
  const rest = child.slice(split);
  const at = rest.findIndex(({ op }) => op === "pivotRoot" || op === "moveRoot");
  const entered = at < 0 ? rest.length : at;
  const after = rest.slice(entered);
  return [
    child.slice(0, split),
    [
      ...parent,
      ...prepare,
      ...rest.slice(0, entered),
      ...after.filter(isOfHost),
      ...after.filter((op) => !isOfHost(op)),
    ],
  ];
}

function chapterLine(
  chapter: keyof Vocabulary["chapters"],
  { chapters }: Pick<Vocabulary, "chapters">,
): string[] {
  const { title, meaning } = chapters[chapter];
  return [`# == ${title}: ${meaning}`];
}

function withChapters(
  list: readonly ProcessOp[],
  vocabulary: Pick<Vocabulary, "chapters">,
  linesOf: (op: ProcessOp) => readonly string[],
): string[] {
  let last = "";
  return list.flatMap((op) => {
    const [first, ...more] = linesOf(op);
    if (first === undefined) return [];
    const chapter = chapterOf(op);
    const head = chapter === last ? [] : chapterLine(chapter, vocabulary);
    last = chapter;
    const isOpen =
      first.endsWith("\\") || first.includes("\n") || first.startsWith("#") || first.startsWith("next");
    return [...head, isOpen ? first : `${first}  # ${oneLine(op.cause)}`, ...more];
  });
}

/** EROFS images are mounted read-only through a loop device; directories are used as they are. */
function layerLines({ receives }: Plan, sources: ReadonlyMap<string, string>): string[] {
  const layers = receives.filter(({ name }) => name.startsWith("lower:") && sources.has(name));
  if (layers.length === 0) return [];
  return [
    "# The image's layers: files that hold EROFS file systems, in the engine's directory. Mounted before the control groups are",
    "# joined, as those allow no loop device.",
    ...layers.flatMap(({ name }, index) => {
      const place = `"$work"/${name.replace(":", "-")}`;
      const source = quote(sources.get(name) ?? "");
      // The lowest takes the place of them all.
      const other = index === layers.length - 1 ? `mount --bind "$ROOTFS" ${place}` : ":";
      return [
        `mkdir ${place}`,
        `if [ -n "\${ROOTFS-}" ]; then ${other}`,
        `elif [ -f ${source} ]; then mount -t erofs -o loop,ro ${source} ${place}`,
        `else echo "layer "${source}" is not here: run this where it was written, or say ROOTFS=/some/directory" >&2; exit 1`,
        "fi",
      ];
    }),
  ];
}

/** A file of the script's. Words of a container may have many lines: none of them is taken for the end. */
function hereDocument(file: string, wanted: string, lines: readonly string[]): string[] {
  const inside = new Set(lines.join("\n").split("\n"));
  let end = wanted;
  while (inside.has(end)) end += "_";
  return [`cat > "$work/${file}" <<'${end}'`, ...lines, end];
}

/** What a shell takes for the name of a variable; a container's can be called anything, also what a shell would run. */
const variableWord = /^[A-Za-z_][A-Za-z0-9_]*$/;

function maskedLines(masked: ReadonlySet<string>): string[] {
  return [...masked].map((variable) => {
    const say = (what: string): string => `echo ${quote(`note: ${oneLine(variable)} ${what}`)} >&2`;
    return variableWord.test(variable)
      ? `[ -n "\${${variable}+x}" ] || ${say("is not set: its value is masked here")}`
      : say("is left out: no shell has a variable of such a name; explain --show-secrets writes it in");
  });
}

/** Masked ones come from the environment of whoever runs the script. */
function environmentWords({ ops }: Plan, { masked }: Pick<ScriptSurroundings, "masked">): string[] {
  const exec = ops.find((op) => op.op === "exec");
  if (exec?.op !== "exec") return [];
  return exec.fields.environment.flatMap((entry) => {
    const name = entry.slice(0, Math.max(0, entry.indexOf("=")));
    if (!masked.has(name)) return [quote(`env=${entry}`)];
    return variableWord.test(name) ? [`"env=${name}=\${${name}-}"`] : [];
  });
}

const unshareWords: Readonly<Record<string, string>> = {
  user: "--user",
  ipc: "--ipc",
  uts: "--uts",
  network: "--net",
  pid: "--pid --fork",
  time: "--time",
  mount: "--mount --propagation private",
};

/** The clone as unshare(1); namespaces that are there already are entered first, by nsenter(1). */
function cloneCommand({ ops }: Plan, places: Places): string {
  const clone = ops.find((op) => op.op === "clone");
  const flags = clone?.op === "clone" ? BigInt(clone.fields.flags) : 0n;
  const madeBefore = ops.some(
    (op) => op.op === "unshare" && BigInt(op.fields.flags) === BigInt(cloneFlags.newTime),
  );
  const words = Object.entries(namespaceKinds)
    .filter(([kind, { flag }]) => (flags & BigInt(flag)) !== 0n || (kind === "time" && madeBefore))
    .map(([kind]) => own(unshareWords, kind) ?? "");
  const joined = ops.flatMap((op) => {
    if (op.op !== "setns" || op.stage === "parent" || places.missing(op.fields.slot) !== undefined) return [];
    const names: Readonly<Record<string, string>> = { network: "net" };
    return namespaceNames(op.fields.nstype)
      .filter((kind) => kind !== "mount")
      .map((kind) => `--${own(names, kind) ?? kind}=${places.of(op.fields.slot)}`);
  });
  const enter = joined.length === 0 ? "" : `nsenter ${joined.join(" ")} `;
  return `${enter}${words.length === 0 ? "" : `unshare ${words.join(" ")}`}`.trimEnd();
}

/** The host's programs that are wanted where there are none of the host's. */
function toolLines(hasFilter: boolean): string[] {
  return [
    'mount -t tmpfs -o mode=0755 tools "$work/tools"',
    "for program in perl setpriv umount; do",
    '  program=$(readlink -f "$(command -v "$program")")',
    '  ldd "$program" | while read -r library arrow file _; do',
    "    case $library in",
    '      /*) cp -L "$library" "$work/tools/loader" ;;',
    '      *) if [ "$arrow" = "=>" ]; then cp -L "$file" "$work/tools/"; fi ;;',
    "    esac",
    "  done",
    "done",
    'for program in perl setpriv umount; do cp -L "$(command -v $program)" "$work/tools/"; done',
    'cp "$work/helper.pl" "$work/tools/"',
    ...(hasFilter ? ['cp "$work/filter" "$work/tools/"'] : []),
    'chmod -R a+rX,a-w "$work/tools"',
    'exec 9< "$work/tools"',
    "tools=/proc/self/fd/9",
  ];
}

export interface ExecSurroundings {
  /** Of the container. */
  readonly name: string;
  readonly id: string;
  /** Its first process, as the host counts. */
  readonly pid: number;
  /** Files through which its control groups are joined, by the names of the plan's slots. */
  readonly groups: ReadonlyMap<string, string>;
  readonly masked: ReadonlySet<string>;
  readonly notes: readonly string[];
}

/** One more process in a container that runs, by nsenter(1). It leaves nothing. */
export function renderExecScript(plan: Plan, surroundings: ExecSurroundings): string {
  const { name, id, pid, groups, masked } = surroundings;
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
    .filter(({ op }) => !["chdir", "exec", "setns", "dup2"].includes(op))
    .flatMap((op) => opLines(op, { places, gathered, environment }));
  if (directory?.op === "chdir") gathered.late.unshift(`cd=${directory.fields.path}`);
  const exec = child
    .filter(({ op }) => op === "exec")
    .flatMap((op) => opLines(op, { places, gathered, environment }));
  const words: Readonly<Record<string, string>> = { network: "net" };
  const enter = [...new Set(entered)].map((kind) => `--${own(words, kind) ?? kind}`).join(" ");
  const notes = [
    ...surroundings.notes,
    ...new Set(gathered.notes),
    "nsenter, which waits for the process, is in the container's control groups too",
  ];
  const isSilent = child.some(({ op, cause }) => op === "dup2" && cause === "no stdin");
  if (isSilent) lines.push("exec 0< /dev/null");
  const unified = groups.get("cgroup");
  if (unified !== undefined) lines.unshift(`echo 0 > ${quote(`${unified}/cgroup.procs`)}`);
  const [first = "", ...rest] = exec;
  return [
    "#!/bin/sh",
    `# A further process in container ${oneLine(name)} (${id.slice(0, 12)}) by hand. Run as root while it runs, from a file: sh FILE`,
    ...notes.map((note) => `# Note: ${oneLine(note)}`),
    "set -eu",
    "export LC_ALL=C",
    '[ "$(id -u)" = 0 ] || { echo "$0: only root can do this" >&2; exit 1; }',
    `[ -d /proc/${pid}/ns ] || { echo "$0: the container does not run any more" >&2; exit 1; }`,
    "# A mount namespace for the programs that come along: it goes with this script.",
    '[ "$(printenv BY_HAND)" = "$$" ] || BY_HAND=$$ exec unshare --mount --propagation private sh "$0"',
    ...notes.map((note) => `echo ${quote(`note: ${oneLine(note)}`)} >&2`),
    ...maskedLines(masked),
    "work=$(mktemp -d)",
    "machine=$(uname -m)",
    "export work machine",
    'mkdir "$work/tools"',
    ...hereDocument("helper.pl", "END_OF_HELPER", [helperText.trimEnd()]),
    ...filterFile(gathered.filter),
    ...toolLines(gathered.filter !== undefined),
    'umount -l "$work/tools"',
    'rm -r "$work"',
    "# Into its control groups, then into its namespaces, then it gives up what it may not have.",
    ...lines,
    `${first.replace(/\\$/, "")}nsenter --target ${pid} ${enter} \\`,
    ...rest,
    "",
  ].join("\n");
}

function filterFile(filter: Uint8Array | undefined): string[] {
  if (filter === undefined) return [];
  return [
    `# ${filter.length / 8} instructions of the seccomp filter, 8 bytes each: struct sock_filter, linux/filter.h`,
    ...hereDocument("filter", "END_OF_FILTER", filter.toHex().match(/.{1,128}/g) ?? []),
  ];
}
