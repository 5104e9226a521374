/**
 * One op as lines of shell. Total: whoever adds an op says here how it is done by hand, by standard tools, by the helper that is
 * printed with the script, or not at all, which the script then says itself.
 */
import { missingTarget, type OpName, slotNone } from "../../abi/schema.ts";
import { oneLine, quote } from "../../lib/shell-words.ts";
import { capabilitiesOfMask } from "../../linux/capabilities.ts";
import { cloneFlags, namespaceKinds } from "../../linux/clone-flags.ts";
import { openTreeFlags } from "../../linux/mount-flags.ts";
import { atFlags, fileTypes } from "../../linux/open-flags.ts";
import { prctlOptions } from "../../linux/prctl.ts";
import { rlimitInfinity, rlimitNumbers } from "../../linux/rlimits.ts";
import type { HiddenWords } from "../explain/mod.ts";
import { attributeText, clearedText, deviceText, modeText, propagationText } from "../flag-text.ts";
import type { ProcessOp } from "../plan.ts";
import type { Say } from "../say/mod.ts";
import type { Places } from "./places.ts";

const decoder = new TextDecoder();

/** What the script gathers on the way to its last line. */
export interface Gathered {
  /** Steps of the helper before setpriv has taken rights away. */
  readonly early: string[];
  /** Options of setpriv. */
  readonly privileges: string[];
  /** Steps of the helper after it. */
  readonly late: string[];
  /** Once setpriv is to run, the filter comes after it. */
  filter: Uint8Array | undefined;
  /** Whether the root has been entered. */
  entered: boolean;
  /** What the script cannot do, one sentence each: it says so on standard error. */
  readonly notes: string[];
}

export interface OpScript {
  readonly places: Places;
  readonly gathered: Gathered;
  /** Words for the environment, which may be another one than the plan's. */
  readonly environment: readonly string[];
  readonly say: Say;
  readonly hidden: HiddenWords;
  /** Whether root is that of a user namespace, who may less. */
  readonly ownUsers?: boolean;
}

/** What a script needs no line for, and why. */
export const unneeded = {
  idMap: "the maps are written before the first process is in the namespace",
  clone: "unshare begins the process",
  close: "nothing of the script's is handed over: the last step closes it all",
  finish: "the script ends by itself",
  pipe: "the program has the streams of whoever runs the script",
  signalPeer: "the script has no second process to tell",
  awaitPeer: "the script has no second process to wait for",
  sync: "the script wires the network before the process begins",
  findProgram: "the last step says itself what it has not found",
  awaitStart: "the script starts at once",
  supervise: "the script waits, and takes back what it has made",
  leave: "the script waits, and takes back what it has made",
} as const satisfies Partial<Record<OpName, string>>;

export function opLines(op: ProcessOp, script: OpScript): string[] {
  const { places, gathered, say } = script;
  const cannot = (what: string): string[] => {
    gathered.notes.push(what);
    return [`# ${say("Not done: {0}", oneLine(what))}`];
  };
  switch (op.op) {
    case "open":
      places.set(op.fields.out, places.below(op.fields.dir, op.fields.path));
      return [];
    case "fsMount":
      return mountLines(op, script);
    case "reconfigure":
      return [`mount -o ${quote(`remount,${op.fields.options.join(",")}`)} ${places.of(op.fields.mount)}`];
    case "openTree":
      return treeLines(op.fields, script);
    case "mountSetattr":
      return attributeLines(op.fields, script);
    case "moveMount":
      return moveLines(op.fields, places);
    case "umount":
      return [`umount -l ${places.below(op.fields.root, op.fields.path)}`];
    case "mkdir": {
      const { root, path, mode, uid, gid } = op.fields;
      const place = places.below(root, path);
      return [`[ -d ${place} ] || { mkdir -p -m ${modeText(mode)} ${place}${owned(uid, gid, place)}; }`];
    }
    case "symlink":
      return [
        `ln -s ${quote(op.fields.target)} ${places.below(op.fields.root, op.fields.path)} 2>/dev/null || true`,
      ];
    case "mknod": {
      const { root, path, mode, uid, gid, device } = op.fields;
      const kind = { [fileTypes.character]: "c", [fileTypes.block]: "b" }[mode & fileTypes.mask];
      const numbers = kind === undefined ? "p" : `${kind} ${deviceText(device).replace(":", " ")}`;
      const place = places.below(root, path);
      const parent = path.includes("/") ? `mkdir -p "$(dirname ${place})"; ` : "";
      return [`${parent}mknod -m ${modeText(mode)} ${place} ${numbers}${owned(uid, gid, place)}`];
    }
    case "createFile": {
      const { root, path, mode, uid, gid, content } = op.fields;
      const place = places.below(root, path);
      const text = quote(decoder.decode(content));
      return [`printf %s ${text} > ${place}; chmod ${modeText(mode)} ${place}${owned(uid, gid, place)}`];
    }
    case "write": {
      const { dir, path, data } = op.fields;
      const missing = places.missing(dir);
      if (missing !== undefined) return cannot(say("{0}: the script has no {1}", op.target, missing));
      return [
        `printf %s ${quote(decoder.decode(data))} > ${path === null ? places.of(dir) : places.below(dir, path)}`,
      ];
    }
    case "pivotRoot":
      return enterLines(op.fields.root, ["pivot_root . ."], script);
    case "moveRoot":
      return enterLines(op.fields.root, ["mount -n --move . /"], script);
    case "chroot":
      return cannot(say("chroot after a root that was moved: this host runs from its initial ram disk"));
    case "copyTree": {
      const { root, path, to } = op.fields;
      return [`cp -a ${places.below(root, path)}/. ${places.of(to)}/ 2>/dev/null || true`];
    }
    case "copyMode": {
      const { root, path, to } = op.fields;
      return [`chmod --reference=${places.below(root, path)} ${places.of(to)} 2>/dev/null || true`];
    }
    case "hook":
      return cannot(
        say("the hook {0} is not run: it wants the container's state on its standard input", op.fields.path),
      );
    case "setHostname":
      if (script.ownUsers === true) return earlyStep(gathered, `hostname=${op.fields.name}`);
      // By the file, as "hostname" is not in every Debian; through a name space that is the process's own.
      return [`printf %s ${quote(op.fields.name)} > /proc/sys/kernel/hostname`];
    case "setDomainname":
      if (script.ownUsers === true) return earlyStep(gathered, `domainname=${op.fields.name}`);
      return [`printf %s ${quote(op.fields.name)} > /proc/sys/kernel/domainname`];
    case "maskPath": {
      const { root, path, empty, nullDevice } = op.fields;
      return [`mask ${places.below(root, path)} ${places.of(empty)} ${places.of(nullDevice)}`];
    }
    case "readonlyPath":
      return [`readonly_path ${places.below(op.fields.root, op.fields.path)}`];
    case "setRlimit":
      return limitLines(op.fields);
    case "umask":
      return [`umask ${modeText(op.fields.mask)}`];
    case "chdir":
      return op.stage === "child" ? [`cd ${quote(op.fields.path)}`] : [];
    case "unshare":
      // Of the others the command that starts the container takes care.
      return op.stage === "child" && BigInt(op.fields.flags) === BigInt(cloneFlags.newCgroup)
        ? [
            `# ${say("The rest in a cgroup namespace whose root is the group that it is in now.")}`,
            "next --cgroup",
          ]
        : [];
    case "setns": {
      const missing = places.missing(op.fields.slot);
      return missing === undefined ? [] : cannot(say("{0}: the script has no {1}", op.target, missing));
    }
    case "dropBounding":
      gathered.privileges.push("--bounding-set", capabilityWords(op.fields.keep));
      return [];
    case "setCapabilities": {
      // The other two follow from these, the user and the file that is executed. capabilities(7)
      const { inheritable, ambient } = op.fields;
      gathered.privileges.push(
        "--inh-caps",
        capabilityWords(inheritable),
        "--ambient-caps",
        capabilityWords(ambient),
      );
      return [];
    }
    case "setGroups": {
      const { buffer, byteOffset, byteLength } = op.fields.groups;
      const groups = [...new Uint32Array(buffer.slice(byteOffset, byteOffset + byteLength))];
      gathered.privileges.push(
        ...(groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")]),
      );
      return [];
    }
    case "setIds":
      gathered.privileges.push("--reuid", String(op.fields.uid), "--regid", String(op.fields.gid));
      return [];
    case "prctl":
      if (op.fields.option === prctlOptions.setNoNewPrivileges) gathered.privileges.push("--no-new-privs");
      return [];
    case "seccomp":
      return filterLines(op.fields, script);
    case "keyring":
      gathered.early.push(`keyring=${op.fields.name}`);
      return [];
    case "personality":
      gathered.early.push(`personality=${op.fields.persona}`);
      return [];
    case "setMemoryPolicy":
      gathered.early.push(`memory=${op.fields.mode}=${op.fields.nodes.toHex()}`);
      return [];
    case "setsid":
      gathered.late.push("session");
      return [];
    case "init":
      gathered.late.push("init");
      return [];
    case "closeFrom":
      gathered.late.push("close");
      return [];
    case "dup2":
      return duplicateLines(op, script);
    case "setScheduler":
      return schedulerLines(op.fields, script);
    case "setIoPriority":
      return [`ionice -c ${op.fields.value >> 13} -n ${op.fields.value & 0x1fff} -p $$`];
    case "setAffinity":
      return [`taskset -p 0x${op.fields.mask.toReversed().toHex()} $$ > /dev/null`];
    case "exec":
      return execLines(op.fields, script);
    case "loopbackUp":
      return ["ip link set lo up"];
    case "pty":
      return cannot(say("a terminal of its own (-t): the program has yours, and there is no /dev/console"));
    case "passListener":
      return cannot(say("the seccomp filter's listener is handed to nobody"));
    case "run":
    case "listen":
    case "adopt":
      return cannot(say("another runtime makes this container, and is not called here"));
    case "idMap":
    case "clone":
    case "close":
    case "finish":
    case "pipe":
    case "signalPeer":
    case "awaitPeer":
    case "sync":
    case "findProgram":
    case "awaitStart":
    case "supervise":
    case "leave":
      return [];
  }
}

/** The file of the kernel belongs to the host. */
function earlyStep({ early }: Gathered, step: string): string[] {
  early.push(step);
  return [];
}

function owned(uid: number, gid: number, place: string): string {
  return uid === 0 && gid === 0 ? "" : `; chown ${uid}:${gid} ${place}`;
}

function capabilityWords(mask: number | bigint): string {
  const names = capabilitiesOfMask(BigInt(mask)).map((name) => name.replace("CAP_", "+").toLowerCase());
  return ["-all", ...names].join(",");
}

function mountLines(op: Extract<ProcessOp, { readonly op: "fsMount" }>, { places }: OpScript): string[] {
  const { out, type, source, options, attributes } = op.fields;
  const place = places.of(out);
  const own = attributeText(attributes)
    .split(",")
    .filter((word) => word !== "");
  // Of the mount alone: mount(8) would make the file system itself read-only.
  const readOnly = own.includes("ro") ? [`mount -o remount,bind,ro ${place}`] : [];
  const words = [...overlayWords(options, places), ...own.filter((word) => word !== "ro")];
  const option = words.length === 0 ? "" : ` -o "${words.join(",")}"`;
  if (type === "overlay") places.markForeign(out);
  return [`mkdir -p ${place}; mount -t ${type}${option} ${quote(source ?? "none")} ${place}`, ...readOnly];
}

/** mount(8) takes overlay's directories joined by colons. In double quotes. */
function overlayWords(options: readonly string[], places: Places): string[] {
  const resolve = (value: string): string =>
    value
      .replaceAll(/["$`\\]/g, "\\$&")
      .replaceAll(/\{(?:slot|fd):(\d+)\}/g, (_all, slot: string) =>
        places.of(Number(slot)).replaceAll('"', ""),
      );
  const lowers = options
    .filter((option) => option.startsWith("lowerdir+="))
    .map((option) => option.slice(10));
  const rest = options
    .filter((option) => !option.startsWith("lowerdir+="))
    // What the script's container writes is its own.
    .map((option) =>
      option.replace(/^(upperdir|workdir)=(?!\{).*/s, (_all, name: string) => `${name}={own:${name}}`),
    );
  const joined = lowers.length === 0 ? [] : [`lowerdir=${lowers.join(":")}`];
  return [...joined, ...rest].map((option) =>
    resolve(option).replace("{own:upperdir}", "$work/upper").replace("{own:workdir}", "$work/work"),
  );
}

function treeLines(
  { out, dir, path, flags }: Extract<ProcessOp, { readonly op: "openTree" }>["fields"],
  { places, gathered, say }: OpScript,
): string[] {
  const missing = path === null ? places.missing(dir) : undefined;
  if (missing !== undefined)
    gathered.notes.push(say("the script has no {0}: an empty directory is in its place", missing));
  const source = path === null ? places.of(dir) : places.below(dir, path);
  if ((flags & openTreeFlags.clone) === 0) {
    places.set(out, source);
    return [];
  }
  const how = (flags & openTreeFlags.recursive) === 0 ? "--bind" : "--rbind";
  const make = missing === undefined ? "" : `mkdir -p ${source}; `;
  return [`${make}clone ${how} ${source} ${places.of(out)}`];
}

function attributeLines(
  {
    mount,
    path,
    set,
    clear,
    propagation,
    flags,
    userns,
  }: Extract<ProcessOp, { readonly op: "mountSetattr" }>["fields"],
  { places, gathered, say }: OpScript,
): string[] {
  const place = (path === null ? places.of(mount) : places.below(mount, path)) || "/";
  const recursive = (flags & atFlags.recursive) !== 0;
  if (userns !== slotNone) {
    if (places.missing(userns) === undefined) {
      const step = recursive ? "all-owners" : "owners";
      return [`perl "$work/helper.pl" "$machine" ${step}=${places.of(userns)}=${place}`];
    }
    gathered.notes.push(
      say("owners of files are not shown through another mapping of users than the container's"),
    );
    return [];
  }
  const mode = propagationText(propagation);
  const lines = mode === "" ? [] : [`mount --make-${recursive ? "r" : ""}${mode} ${place}`];
  const words = [attributeText(set), clearedText(clear)].filter((text) => text !== "").join(",");
  if (words !== "")
    lines.push(recursive ? `everywhere ${words} ${place}` : `mount -o remount,bind,${words} ${place}`);
  return lines;
}

function moveLines(
  { mount, root, path, create }: Extract<ProcessOp, { readonly op: "moveMount" }>["fields"],
  places: Places,
): string[] {
  // Outside of the container: here it lies at a place of its own already.
  if (root === slotNone || path === ".") return [];
  const [from, found] = [places.of(mount), places.below(root, path)];
  const variable = `at${mount}`;
  const to = `"$${variable}"`;
  places.set(mount, to);
  const make =
    create === missingTarget.refuse
      ? []
      : [create === missingTarget.file ? `make_file ${to}` : `mkdir -p ${to}`];
  return [`${variable}=${found}`, ...make, `mount -n --move ${from} ${to}`];
}

function enterLines(root: number, how: readonly string[], { places, gathered, say }: OpScript): string[] {
  const place = places.of(root) || "/";
  places.set(root, "/");
  gathered.entered = true;
  return [
    `cd ${place}`,
    ...how,
    `# ${say("From here on there are no programs but those of the image, and the few that were kept.")}`,
    "$tools/loader --library-path $tools $tools/umount -l .",
    "cd /",
  ];
}

function limitLines({
  resource,
  soft,
  hard,
}: Extract<ProcessOp, { readonly op: "setRlimit" }>["fields"]): string[] {
  const name = Object.entries(rlimitNumbers).find(([, number]) => number === resource)?.[0] ?? "";
  const text = (value: number | bigint): string =>
    BigInt(value) === rlimitInfinity ? "unlimited" : `${value}`;
  return [`prlimit --pid $$ --${name.replace("RLIMIT_", "").toLowerCase()}=${text(soft)}:${text(hard)}`];
}

function filterLines(
  { program, flags }: Extract<ProcessOp, { readonly op: "seccomp" }>["fields"],
  { gathered }: OpScript,
): string[] {
  gathered.filter = program;
  // As in the plan: with no_new_privs it is the last, else it needs a right that setpriv takes away.
  const steps = gathered.privileges.includes("--no-new-privs") ? gathered.late : gathered.early;
  steps.push(`seccomp=${flags}=$tools/filter`);
  return [];
}

function duplicateLines(
  { fields, cause }: Extract<ProcessOp, { readonly op: "dup2" }>,
  { places, gathered, say }: OpScript,
): string[] {
  const { slot, fd } = fields;
  if (fd > 2) {
    gathered.notes.push(say("descriptor {0} is not handed over", fd));
    return [];
  }
  if (places.missing(slot) !== undefined || cause !== "no stdin") return [];
  return [`exec ${fd}<${places.of(slot)}`];
}

const schedulerWords: Readonly<Record<number, string>> = {
  0: "--other",
  1: "--fifo",
  2: "--rr",
  3: "--batch",
  5: "--idle",
};

function schedulerLines(
  { policy, nice, priority }: Extract<ProcessOp, { readonly op: "setScheduler" }>["fields"],
  { gathered, say }: OpScript,
): string[] {
  const word = schedulerWords[policy];
  if (word === undefined) {
    gathered.notes.push(say("the scheduling policy {0} is not set", policy));
    return [];
  }
  const lines = [`chrt ${word} --pid ${priority} $$`];
  return nice === 0 ? lines : [...lines, `renice -n ${nice} -p $$ > /dev/null`];
}

function execLines(
  { candidates, arguments: words }: Extract<ProcessOp, { readonly op: "exec" }>["fields"],
  { gathered, environment, hidden }: OpScript,
): string[] {
  const run = "$tools/loader --library-path $tools";
  const helper = `${run} $tools/perl $tools/helper.pl $machine`;
  const { early, privileges, late } = gathered;
  const steps = (list: readonly string[]): string[] =>
    list.map((step) => (step.startsWith("seccomp=") ? step : quote(step)));
  // The filter goes on as late as may be.
  const ordered = [
    ...late.filter((step) => !step.startsWith("seccomp")),
    ...late.filter((step) => step.startsWith("seccomp")),
  ];
  const before = early.length === 0 ? [] : [`  ${helper} ${steps(early).join(" ")} -- \\`];
  return [
    "exec \\",
    ...before,
    `  ${run} $tools/setpriv ${privileges.join(" ")} -- \\`,
    `  ${helper} ${[...new Set(["clear", ...steps(ordered)])].join(" ")} \\`,
    ...environment.map((word) => `  ${word} \\`),
    // Where a program is looked for says what it is called.
    ...(hidden.ofCommand.has(0) ? [] : candidates.map((path) => `  ${quote(`try=${path}`)} \\`)),
    `  -- ${words.map((word, index) => (hidden.ofCommand.has(index) ? `"$${givenWord(index)}"` : quote(word))).join(" ")}`,
  ];
}

/** The variable of a word that is masked, as people count. */
export function givenWord(index: number): string {
  return `WORD_${index + 1}`;
}

/** Names of the namespaces that a setns enters, as nsenter calls them. */
export function namespaceNames(nstype: number): string[] {
  return Object.entries(namespaceKinds)
    .filter(([, { flag }]) => (nstype & flag) !== 0)
    .map(([name]) => name);
}
