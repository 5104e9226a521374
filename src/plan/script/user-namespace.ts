/**
 * A user namespace of its own, in a script. What needs the host's root (layers, the overlay, sources of binds, control groups) is done
 * outside, in a mount namespace that the host does not see; a process that only sleeps holds the namespaces until their maps are
 * written and the network is wired; then the container's first process enters them as their root, and has a copy of those mounts. They
 * are locked together there: it may not move them, but it may bind them anew. Pure.
 */
import { oneLine, quote } from "../../lib/shell-words.ts";
import { cloneFlags, namespaceKinds } from "../../linux/clone-flags.ts";
import type { Plan, ProcessOp } from "../plan.ts";
import type { Say } from "../say/mod.ts";
import { hereDocument } from "./brought-along.ts";

type IdMap = Extract<ProcessOp, { readonly op: "idMap" }>["fields"];

export interface UserNamespace {
  readonly maps: IdMap;
  /** Name of the slot that the plan receives for showing owners through these maps. */
  readonly slot: string;
}

/** Undefined where the container has the host's users. */
export function userNamespaceOf({ ops }: Plan): UserNamespace | undefined {
  const op = ops.find((each) => each.op === "idMap");
  if (op?.op !== "idMap") return undefined;
  const rows = (map: string): string => map.trimEnd().replaceAll(" ", ":").replaceAll("\n", ",");
  const { uidMap, gidMap } = op.fields;
  return { maps: op.fields, slot: `idmap:${rows(uidMap)}/${rows(gidMap)}` };
}

/** Where the sleeping process has it. */
export const heldUsers = '"/proc/$holder/ns/user"';

/** Becoming root of the namespace, which nsenter(1) does. */
export function isOfHolder({ op, cause }: ProcessOp): boolean {
  return (op === "setGroups" || op === "setIds") && /^(?:linux\.[ug]idMappings|exec)$/.test(cause);
}

/** Namespaces that the sleeping process makes; processes and mounts are the first process's own. */
const heldKinds = { user: "--user", ipc: "--ipc", uts: "--uts", network: "--net" } as const;
const enterWords = { user: "user", ipc: "ipc", uts: "uts", network: "net" } as const;

function heldBy({ ops }: Plan): (keyof typeof heldKinds)[] {
  const clone = ops.find((op) => op.op === "clone");
  const flags = clone?.op === "clone" ? BigInt(clone.fields.flags) : 0n;
  const kinds = Object.keys(heldKinds).map((kind) => kind as keyof typeof heldKinds);
  return kinds.filter((kind) => (flags & BigInt(namespaceKinds[kind].flag)) !== 0n);
}

/** Of the main script: before the network is wired. */
export function holderLines(plan: Plan, { maps }: UserNamespace, say: Say): string[] {
  const words = heldBy(plan).map((kind) => heldKinds[kind]);
  return [
    `# ${say("A process that only sleeps holds the user namespace, and those that belong to it, until the container is in them.")}`,
    `unshare ${words.join(" ")} sleep infinity 3<&- < /dev/null > /dev/null 2>&1 &`,
    "holder=$!",
    "export holder",
    'later "kill -KILL $holder 2> /dev/null || :"',
    'until [ "$(readlink "/proc/$holder/ns/user")" != "$(readlink /proc/self/ns/user)" ]; do',
    `  kill -0 "$holder" 2> /dev/null || fail "${say("the kernel makes no user namespace: see sysctl user.max_user_namespaces")}"`,
    "  sleep 0.01",
    "done 2> /dev/null",
    `# ${say("Which users inside are which of the host: first inside, first outside, how many.")}`,
    `printf %s ${quote(maps.uidMap)} > "/proc/$holder/uid_map"`,
    `printf %s ${quote(maps.gidMap)} > "/proc/$holder/gid_map"`,
  ];
}

/** What the script's two halves are made of. */
export interface Halves {
  readonly layers: readonly string[];
  readonly tools: readonly string[];
  readonly bound: readonly string[];
  /** The host's root's part, in order. */
  readonly outside: readonly string[];
  /** The container's root's. */
  readonly inside: readonly string[];
  readonly makesCgroupNamespace: boolean;
}

const firstHostId = (map: string): string => oneLine(map).split(/[ ?]/)[1] ?? "0";

export function halvesInFiles(plan: Plan, { maps }: UserNamespace, halves: Halves, say: Say): string[] {
  const { layers, tools, bound, outside, inside, makesCgroupNamespace } = halves;
  const clone = plan.ops.find((op) => op.op === "clone");
  const flags = clone?.op === "clone" ? BigInt(clone.fields.flags) : 0n;
  const enter = heldBy(plan).map((kind) => `--${enterWords[kind]}="/proc/$holder/ns/${enterWords[kind]}"`);
  const newTime = (flags & BigInt(cloneFlags.newTime)) !== 0n ? " --time" : "";
  const newProcesses = (flags & BigInt(cloneFlags.newPid)) !== 0n ? " --pid --fork" : "";
  const newGroups = makesCgroupNamespace ? " --cgroup" : "";
  // The loader of the programs is opened by who needs it.
  const [openTools = "", setTools = ""] = tools.slice(-2);
  const root = `${firstHostId(maps.uidMap)}:${firstHostId(maps.gidMap)}`;
  return [
    `# ${say("What the host's root does, in a mount namespace of its own: the host sees none of it.")}`,
    ...hereDocument("first.sh", "END_OF_FIRST", [
      "set -eu",
      '. "$work/functions.sh"',
      ...layers,
      `# ${say("Everything that the container's root is to reach lies in a folder that it may enter; nobody else can, as that above is closed.")}`,
      'mkdir -m 0755 "$work/area"',
      'mv "$work/functions.sh" "$work/helper.pl" "$work/rest.sh" "$work/tools" "$work/upper" "$work/work" "$work/area"',
      '[ ! -e "$work/filter" ] || mv "$work/filter" "$work/area"',
      'for place in "$work"/lower-*; do clone --bind "$place" "$work/area/$(basename "$place")"; done',
      "work=$work/area",
      'mkdir "$work/inside"',
      `chown ${root} "$work/upper" "$work/work"`,
      ...tools.slice(0, -2),
      ...bound,
      ...outside,
      `# ${say("From here on by another name, which the container's root reaches.")}`,
      'mount --rbind "$work" /mnt',
      "export work=/mnt",
      "cd /",
      `exec nsenter ${enter.join(" ")} unshare --mount --propagation private${newProcesses}${newTime}${newGroups} sh -eu /mnt/rest.sh`,
    ]),
    `# ${say("What the container's root does. It may not move mounts of the host's root, so it binds them anew.")}`,
    ...hereDocument("rest.sh", "END_OF_REST", [
      '. "$work/functions.sh"',
      openTools,
      setTools,
      'mount -t tmpfs -o mode=0755 inside "$work/inside"',
      'for place in "$work"/[0-9]*; do clone --rbind "$place" "$work/inside/$(basename "$place")"; done',
      "work=$work/inside",
      ...inside,
    ]),
  ];
}
