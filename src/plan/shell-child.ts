/** One op as lines of shell. Total: an op that no tool can do becomes a comment. */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { capabilitiesOfMask } from "../linux/capabilities.ts";
import { cloneFlags, namespaceKinds } from "../linux/clone-flags.ts";
import { openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags, fileTypes } from "../linux/open-flags.ts";
import { rlimitInfinity, rlimitNumbers } from "../linux/rlimits.ts";
import { attributeText, clearedText, deviceText, modeText, propagationText } from "./flag-text.ts";
import type { ProcessOp } from "./plan.ts";
import { quote, type ShellPlaces } from "./shell-places.ts";

const decoder = new TextDecoder();

export function childLines(op: ProcessOp, places: ShellPlaces): string[] {
  switch (op.op) {
    case "open":
      places.set(op.fields.out, places.below(op.fields.dir, op.fields.path));
      return [];
    case "fsMount": {
      const { out, type, source, options, attributes } = op.fields;
      const place = places.of(out);
      const own = attributeText(attributes);
      const list = overlayWords(options, places).concat(own === "" ? [] : [own]);
      const option = list.length === 0 ? "" : ` -o ${list.join(",")}`;
      return [`mkdir -p ${place}; mount -t ${type}${option} ${quote(source ?? "none")} ${place}`];
    }
    case "reconfigure":
      return [`mount -o remount,${op.fields.options.join(",")} ${places.of(op.fields.mount)}`];
    case "openTree":
      return treeLines(op.fields, places);
    case "mountSetattr":
      return attributeLines(op.fields, places);
    case "moveMount": {
      const { mount, root, path, create } = op.fields;
      // Outside of the container: here it lies at a place of its own already.
      if (root === slotNone || path === ".") return [];
      const [from, to] = [places.of(mount), places.below(root, path)];
      places.set(mount, to);
      const make =
        create === missingTarget.refuse
          ? ""
          : create !== missingTarget.file
            ? `mkdir -p ${to}; `
            : `${touch(to)}; `;
      return [`${make}mount --move ${from} ${to}`];
    }
    case "umount":
      return [`umount -l ${places.below(op.fields.root, op.fields.path)}`];
    case "mkdir":
      return [`mkdir -p -m ${modeText(op.fields.mode)} ${places.below(op.fields.root, op.fields.path)}`];
    case "symlink":
      return [`ln -s ${quote(op.fields.target)} ${places.below(op.fields.root, op.fields.path)} || true`];
    case "mknod": {
      const { root, path, mode, device } = op.fields;
      const kind = { [fileTypes.character]: "c", [fileTypes.block]: "b" }[mode & fileTypes.mask];
      const numbers = kind === undefined ? "p" : `${kind} ${deviceText(device).replace(":", " ")}`;
      return [`mknod -m ${modeText(mode)} ${places.below(root, path)} ${numbers}`];
    }
    case "createFile": {
      const { root, path, mode, content } = op.fields;
      const place = places.below(root, path);
      return [`printf %s ${quote(decoder.decode(content))} > ${place}; chmod ${modeText(mode)} ${place}`];
    }
    case "write": {
      const place =
        op.fields.path === null ? places.of(op.fields.dir) : places.below(op.fields.dir, op.fields.path);
      return [`printf %s ${quote(decoder.decode(op.fields.data))} > ${place}`];
    }
    case "moveRoot":
      return moveRootLines(op.fields.root, places);
    case "chroot":
      return chrootLines(op.fields.root, places);
    case "copyTree": {
      const { root, path, to } = op.fields;
      return [`cp -a ${places.below(root, path)}/. ${places.of(to)}/ 2>/dev/null || true`];
    }
    case "copyMode": {
      const { root, path, to } = op.fields;
      return [`chmod --reference=${places.below(root, path)} ${places.of(to)} 2>/dev/null || true`];
    }
    case "hook":
      return [`${quote(op.fields.path)} # with the container's state on stdin`];
    case "pivotRoot": {
      const root = places.of(op.fields.root) || "/";
      places.set(op.fields.root, "/");
      return [
        `cd ${root}`,
        "pivot_root . .",
        "umount -l .",
        "cd /",
        "# From here on the tools are the image's own.",
      ];
    }
    case "setHostname":
      return [`hostname ${quote(op.fields.name)}`];
    case "setDomainname":
      return [`domainname ${quote(op.fields.name)}`];
    case "maskPath": {
      const { root, path, empty, nullDevice } = op.fields;
      const place = places.below(root, path);
      const directory = `[ -d ${place} ] && mount --bind -o ro ${places.of(empty)} ${place}`;
      return [
        `${directory} || { [ -e ${place} ] && mount --bind ${places.of(nullDevice)} ${place}; } || true`,
      ];
    }
    case "readonlyPath": {
      const place = places.below(op.fields.root, op.fields.path);
      return [
        `if [ -e ${place} ]; then mount --rbind ${place} ${place}; mount -o remount,bind,ro ${place}; fi`,
      ];
    }
    case "setRlimit": {
      const name =
        Object.entries(rlimitNumbers).find(([, number]) => number === op.fields.resource)?.[0] ?? "";
      const text = (value: number | bigint): string =>
        BigInt(value) === rlimitInfinity ? "unlimited" : `${value}`;
      const option = name.replace("RLIMIT_", "").toLowerCase();
      return [`prlimit --pid $$ --${option}=${text(op.fields.soft)}:${text(op.fields.hard)}`];
    }
    case "umask":
      return [`umask ${modeText(op.fields.mask)}`];
    case "chdir":
      return op.stage === "child" ? [`cd ${quote(op.fields.path)}`] : [];
    case "unshare":
      return op.stage === "child" ? ["# not in a shell: a new cgroup namespace for this process alone"] : [];
    case "setns": {
      // The script never left it: mounts are made in the new process anyway.
      if (op.fields.nstype === cloneFlags.newMount) return [];
      const kinds = Object.entries(namespaceKinds).filter(([, { flag }]) => (op.fields.nstype & flag) !== 0);
      const names = kinds.map(([name]) => name).join(", ");
      return [
        `# not in a shell: enter the ${names} namespace of ${places.of(op.fields.slot)} (start with nsenter)`,
      ];
    }
    case "dropBounding":
      return [addPrivileges("--bounding-set", capabilityWords(op.fields.keep))];
    case "setCapabilities": {
      // The other two follow from these, the user and the file that is executed. capabilities(7)
      const { inheritable, ambient } = op.fields;
      return [
        addPrivileges("--inh-caps", capabilityWords(inheritable), "--ambient-caps", capabilityWords(ambient)),
      ];
    }
    case "setGroups": {
      const { buffer, byteOffset, byteLength } = op.fields.groups;
      const groups = [...new Uint32Array(buffer.slice(byteOffset, byteOffset + byteLength))];
      const line = addPrivileges(
        ...(groups.length === 0 ? ["--clear-groups"] : ["--groups", groups.join(",")]),
      );
      return [op.fields.mayBeForbidden === 1 ? `grep -q deny /proc/self/setgroups || ${line}` : line];
    }
    case "setIds":
      return [addPrivileges("--reuid", String(op.fields.uid), "--regid", String(op.fields.gid))];
    case "exec": {
      const words = op.fields.arguments.map(quote).join(" ");
      return [`exec setpriv \${privileges-} -- ${words}`];
    }
    case "loopbackUp":
      return ["ip link set lo up"];
    case "clone":
    case "idMap":
    case "close":
    case "finish":
      return [];
    case "pipe":
    case "dup2":
    case "setsid":
    case "signalPeer":
    case "awaitPeer":
    case "sync":
    case "pty":
    case "keyring":
    case "prctl":
    case "seccomp":
    case "closeFrom":
    case "init":
    case "findProgram":
    case "passListener":
    case "awaitStart":
    case "personality":
    case "setScheduler":
    case "setIoPriority":
    case "setAffinity":
    case "setMemoryPolicy":
    case "supervise":
    case "leave":
      return [`# not in a shell: ${op.op} ${op.target}`.trimEnd()];
  }
}

function addPrivileges(...words: readonly string[]): string {
  return `privileges="\${privileges-} ${words.join(" ")}"`;
}

function capabilityWords(mask: number | bigint): string {
  const names = capabilitiesOfMask(BigInt(mask)).map((name) => name.replace("CAP_", "+").toLowerCase());
  return ["-all", ...names].join(",");
}

function moveRootLines(root: number, places: ShellPlaces): string[] {
  const lines = [`cd ${places.of(root) || "/"}`, "mount --move . /"];
  // Its path leads to the old root from now on.
  places.set(root, ".");
  return lines;
}

function chrootLines(root: number, places: ShellPlaces): string[] {
  const lines = [`exec chroot ${places.of(root) || "/"}`];
  places.set(root, "/");
  return lines;
}

/** mount(8) takes overlay's directories joined by colons. */
function overlayWords(options: readonly string[], places: ShellPlaces): string[] {
  const resolve = (value: string): string =>
    value.replaceAll(/\{(?:slot|fd):(\d+)\}/g, (_all, slot: string) => places.of(Number(slot)));
  const lowers = options
    .filter((option) => option.startsWith("lowerdir+="))
    .map((option) => option.slice(10));
  const rest = options.filter((option) => !option.startsWith("lowerdir+="));
  const joined = lowers.length === 0 ? [] : [`lowerdir=${lowers.join(":")}`];
  return [...joined, ...rest].map(resolve);
}

function treeLines(
  { out, dir, path, flags }: Extract<ProcessOp, { readonly op: "openTree" }>["fields"],
  places: ShellPlaces,
): string[] {
  const source = path === null ? places.of(dir) : places.below(dir, path);
  if ((flags & openTreeFlags.clone) === 0) {
    places.set(out, source);
    return [];
  }
  const how = (flags & openTreeFlags.recursive) === 0 ? "--bind" : "--rbind";
  const place = places.of(out);
  return [
    `if [ -d ${source} ]; then mkdir -p ${place}; else ${touch(place)}; fi; mount ${how} ${source} ${place}`,
  ];
}

function attributeLines(
  {
    mount,
    set,
    clear,
    propagation,
    flags,
    userns,
  }: Extract<ProcessOp, { readonly op: "mountSetattr" }>["fields"],
  places: ShellPlaces,
): string[] {
  const place = places.of(mount) || "/";
  const recursive = (flags & atFlags.recursive) !== 0;
  if (userns !== slotNone)
    return [`# not in a shell: show the owners in ${place} through ${places.of(userns)}`];
  const mode = propagationText(propagation);
  const lines = mode === "" ? [] : [`mount --make-${recursive ? "r" : ""}${mode} ${place}`];
  const words = [attributeText(set), clearedText(clear)].filter((text) => text !== "").join(",");
  if (words !== "") {
    const scope = recursive ? " # and every mount below" : "";
    lines.push(`mount -o remount,bind,${words} ${place}${scope}`);
  }
  return lines;
}

function touch(place: string): string {
  return `[ -e ${place} ] || : > ${place}`;
}
