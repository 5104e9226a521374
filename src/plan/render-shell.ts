/**
 * A plan as a shell script for people who want to see, or do by hand, what a container is. Tools: util-linux
 * (unshare, nsenter, mount, pivot_root, setpriv, prlimit) and coreutils. What a shell cannot do stands there as a
 * comment that begins with "not in a shell", so the script never claims more isolation than it gives.
 */
import { cloneFlags, namespaceKinds } from "../linux/clone-flags.ts";
import type { HostOp, Plan, ProcessOp } from "./plan.ts";
import { childLines } from "./shell-child.ts";
import { quote, ShellPlaces, variableName } from "./shell-places.ts";

export function renderShell(plan: Plan): string {
  const places = new ShellPlaces(plan);
  const received = plan.receives.filter(({ name }) => !name.startsWith("cgroup:"));
  const child = [
    ...plan.ops.filter(({ stage, op }) => stage === "prepare" && op !== "clone"),
    ...beforeNewRoot(plan.ops.filter(({ stage }) => stage === "child")),
  ];
  return [
    "#!/bin/sh",
    "# What this container is, step by step. Made from its plan; run as root, at your own risk.",
    "set -eu",
    "",
    ...received.flatMap(({ slot, name }) => receivedLines(name, knownSource(plan, slot))),
    "work=$(mktemp -d)",
    "export work",
    "",
    "# On the host",
    ...plan.hostOps.flatMap(hostLines),
    "",
    "# The supervisor's part",
    ...plan.ops
      .filter(({ stage }) => stage === "parent")
      .map((op) => `# not in a shell: ${op.op} (${op.cause})`),
    "",
    "# In the new process. Mounts that a plan prepares on the host are made in here, because a shell",
    "# cannot hold a mount that is attached nowhere.",
    `exec ${cloneCommand(plan)} sh -eu <<'CONTAINER'`,
    ...child.flatMap((op) => withCause(op, childLines(op, places))),
    "CONTAINER",
    "",
  ].join("\n");
}

/** The host path of a bind's source, which a plan has as a descriptor so that nobody can exchange it in between. */
function knownSource({ ops }: Plan, slot: number): string | undefined {
  const clone = ops.find((op) => op.op === "openTree" && op.fields.dir === slot && op.fields.path === null);
  return clone?.target.startsWith("/") === true ? clone.target : undefined;
}

function receivedLines(name: string, source: string | undefined): string[] {
  const variable = variableName(name);
  if (source === undefined) return [`# ${variable}: the caller's ${name}`];
  return [`${variable}=${quote(source)}`, `export ${variable}`];
}

/** What needs nothing of the image is done before its root is entered: from there on the tools are the image's own. */
function beforeNewRoot(ops: readonly ProcessOp[]): ProcessOp[] {
  const at = ops.findIndex(({ op }) => op === "pivotRoot" || op === "moveRoot");
  if (at < 0) return [...ops];
  const isOfHost = ({ op }: ProcessOp): boolean =>
    op === "setHostname" || op === "setDomainname" || op === "setRlimit";
  const after = ops.slice(at);
  return [...ops.slice(0, at), ...after.filter(isOfHost), ...after.filter((op) => !isOfHost(op))];
}

function hostLines(op: HostOp): string[] {
  switch (op.op) {
    case "cgroupCreate":
      return [`mkdir -p ${quote(op.target)}`];
    case "cgroupWrite": {
      const tolerant = op.tolerate.length === 0 ? "" : ` || true # ${op.tolerate.join(", ")} is tolerated`;
      return [`printf %s ${quote(op.value)} > ${quote(op.target)}${tolerant}`];
    }
    case "cgroupDeviceProgram":
      return [`# not in a shell: attach an eBPF program for devices to ${op.target}`];
  }
}

const unshareWords: Readonly<Record<string, string>> = {
  user: "--user",
  cgroup: "--cgroup",
  ipc: "--ipc",
  uts: "--uts",
  network: "--net",
  pid: "--pid --fork --kill-child",
  time: "--time",
  mount: "--mount",
};

/** The clone as unshare(1). A network namespace that is handed over is entered first. */
function cloneCommand({ ops }: Plan): string {
  const clone = ops.find((op) => op.op === "clone");
  const flags = clone?.op === "clone" ? BigInt(clone.fields.flags) : 0n;
  const madeBefore = ops.some((op) => op.op === "unshare" && op.fields.flags === cloneFlags.newTime);
  const words = Object.entries(namespaceKinds)
    .filter(([kind, { flag }]) => (flags & BigInt(flag)) !== 0n || (kind === "time" && madeBefore))
    .map(([kind]) => unshareWords[kind] ?? "");
  const map = ops.find((op) => op.op === "idMap");
  if (map?.op === "idMap") {
    words.push(...mapWords("--map-users", map.fields.uidMap), ...mapWords("--map-groups", map.fields.gidMap));
  }
  return words.length === 0 ? "env" : `unshare ${words.join(" ")}`;
}

function mapWords(option: string, text: string): string[] {
  return text
    .trimEnd()
    .split("\n")
    .map((line) => `${option} ${line.replaceAll(" ", ":")}`);
}

function withCause(op: ProcessOp, lines: readonly string[]): string[] {
  const [first, ...rest] = lines;
  return first === undefined ? [] : [`${first}  # ${op.cause}`, ...rest];
}
