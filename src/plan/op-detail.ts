/** The rest of an op in words: what its target alone does not say. Never the environment or a file's content. */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { openTreeFlags } from "../linux/mount-flags.ts";
import { atFlags, fileTypes } from "../linux/open-flags.ts";
import { rlimitInfinity } from "../linux/rlimits.ts";
import {
  attributeText,
  capabilityText,
  clearedText,
  deviceText,
  modeText,
  namespaceText,
  propagationText,
} from "./flag-text.ts";
import { slotText } from "./op-text.ts";
import type { WireOp } from "./plan.ts";
import { type Say, type Saying, sayEnglish } from "./say/mod.ts";

const decoder = new TextDecoder();
const longestText = 60;

function words(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== "").join(" ");
}

const createWords = {
  [missingTarget.directory]: "making a directory",
  [missingTarget.file]: "making a file",
  [missingTarget.plainDirectory]: "making a directory, not by a link",
} as const;

function createText(create: number, say: Say): string {
  const known = Object.entries(createWords).find(([target]) => Number(target) === create);
  return known === undefined ? "" : say(known[1]);
}

/** Details of `op`, possibly the empty text. Names of the kernel's stay as they are in every language. */
export function detailOf(op: WireOp, say: Say = sayEnglish): string {
  const inRoot = (slot: number): string | false => slot !== slotNone && say("in {0}", slotText(slot));
  const limitText = (value: number | bigint): string =>
    BigInt(value) === rlimitInfinity ? say("unlimited") : String(value);
  const capabilityWords = (mask: number | bigint): string => {
    const text = capabilityText(mask);
    return text === "all" || text === "none" ? say(text) : text;
  };
  switch (op.op) {
    case "open":
      return words(`-> ${slotText(op.fields.out)}`, inRoot(op.fields.dir));
    case "fsMount": {
      const { out, source, options, attributes } = op.fields;
      return words(`-> ${slotText(out)}`, source ?? "", options.join(","), attributeText(attributes));
    }
    case "reconfigure":
      return op.fields.options.join(",");
    case "openTree": {
      const { out, dir, path, flags } = op.fields;
      const clone = (flags & openTreeFlags.clone) !== 0;
      const recursive = (flags & openTreeFlags.recursive) !== 0;
      return words(
        `-> ${slotText(out)}`,
        path !== null && inRoot(dir),
        clone && say("clone"),
        recursive && say("recursive"),
      );
    }
    case "mountSetattr": {
      const { mount, flags, userns, set, clear, propagation } = op.fields;
      return words(
        say("of {0}", slotText(mount)),
        attributeText(set),
        clearedText(clear),
        propagationText(propagation),
        userns !== slotNone && say("through {0}", slotText(userns)),
        (flags & atFlags.recursive) !== 0 && say("recursive"),
      );
    }
    case "moveMount": {
      const { mount, root, create } = op.fields;
      return words(`<- ${slotText(mount)}`, inRoot(root), createText(create, say));
    }
    case "umount":
    case "readonlyPath":
      return words(inRoot(op.fields.root));
    case "maskPath": {
      const { root, empty, nullDevice } = op.fields;
      return words(inRoot(root), say("with {0} or {1}", slotText(empty), slotText(nullDevice)));
    }
    case "mkdir": {
      const { root, mode, uid, gid } = op.fields;
      return words(inRoot(root), modeText(mode), `${uid}:${gid}`);
    }
    case "createFile": {
      const { root, path, mode, content } = op.fields;
      return words(inRoot(root), say("as {0}", path), modeText(mode), say("{0} bytes", content.length));
    }
    case "symlink":
      return words(inRoot(op.fields.root), `-> ${op.fields.target}`);
    case "mknod": {
      const { root, mode, device, uid, gid } = op.fields;
      const kind = nodeKinds.get(mode & fileTypes.mask) ?? "?";
      return words(inRoot(root), kind, deviceText(device), modeText(mode), `${uid}:${gid}`);
    }
    case "write":
      return words(inRoot(op.fields.dir), shortText(op.fields.data, say));
    case "setns":
      return words(namespaceText(op.fields.nstype), say("of {0}", slotText(op.fields.slot)));
    case "unshare":
      return namespaceText(op.fields.flags);
    case "clone": {
      const { flags, cgroup } = op.fields;
      return words(namespaceText(flags), cgroup !== slotNone && say("into cgroup {0}", slotText(cgroup)));
    }
    case "idMap": {
      const flat = (map: string): string => map.trimEnd().replaceAll("\n", ", ");
      const { uidMap, gidMap, denySetgroups } = op.fields;
      return words(
        say("uid {0}; gid {1}", flat(uidMap), flat(gidMap)),
        denySetgroups === 1 && say("setgroups denied"),
      );
    }
    case "pivotRoot":
    case "moveRoot":
    case "chroot":
      return say("to {0}", slotText(op.fields.root));
    case "pty": {
      const { rows, columns, uid, gid, console } = op.fields;
      return words(`${rows}x${columns}`, `${uid}:${gid}`, console === 1 && say("as /dev/console"));
    }
    case "pipe":
      return `${op.fields.uid}:${op.fields.gid}`;
    case "dup2":
      return `<- ${slotText(op.fields.slot)}`;
    case "setRlimit":
      return `${limitText(op.fields.soft)}:${limitText(op.fields.hard)}`;
    case "prctl":
      return `= ${op.fields.value}`;
    case "dropBounding":
      return say("keep {0}", capabilityWords(op.fields.keep));
    case "setCapabilities": {
      const { effective, permitted, inheritable, ambient } = op.fields;
      return words(
        say(
          effective === permitted ? "effective+permitted {0}" : "permitted {0}",
          capabilityWords(permitted),
        ),
        effective !== permitted && say("effective {0}", capabilityWords(effective)),
        say("inheritable {0}", capabilityWords(inheritable)),
        say("ambient {0}", capabilityWords(ambient)),
      );
    }
    case "umask":
      return modeText(op.fields.mask);
    case "seccomp":
      return op.fields.flags === 0 ? "" : say("flags {0}", op.fields.flags);
    case "exec": {
      const { candidates, arguments: list, environment } = op.fields;
      return words(
        JSON.stringify(list),
        say("from {0}", candidates.join(" ")),
        say("{0} variables", environment.length),
      );
    }
    case "supervise":
      return superviseDetail(op.fields, say);
    case "leave":
      return op.fields.waitExec === 1 ? say("after the exec") : "";
    case "findProgram":
      return op.fields.candidates.slice(1).join(" ");
    case "hook": {
      const { arguments: list, timeoutMs } = op.fields;
      return words(JSON.stringify(list), timeoutMs > 0 && say("at most {0} ms", timeoutMs));
    }
    case "personality":
      return `0x${op.fields.persona.toString(16)}`;
    case "setScheduler":
      return words(
        say("policy {0}", op.fields.policy),
        say("nice {0}", op.fields.nice),
        say("priority {0}", op.fields.priority),
      );
    case "setIoPriority":
      return say("class {0} priority {1}", op.fields.value >> 13, op.fields.value & 0x1fff);
    case "setAffinity":
      return maskText(op.fields.mask, say);
    case "setMemoryPolicy":
      return words(say("mode {0}", op.fields.mode), maskText(op.fields.nodes, say));
    case "copyTree":
    case "copyMode":
      return words(inRoot(op.fields.root), `-> ${slotText(op.fields.to)}`);
    case "run":
      return words(JSON.stringify(op.fields.arguments));
    case "adopt":
      return words(op.fields.pidFile, inRoot(op.fields.dir));
    case "listen":
      return words(`-> ${slotText(op.fields.out)}`, inRoot(op.fields.dir));
    case "passListener":
      return say("{0} bytes", op.fields.message.length);
    case "setGroups":
      return op.fields.mayBeForbidden === 1 ? say("if the user namespace allows it") : "";
    case "awaitStart":
    case "loopbackUp":
    case "close":
    case "setIds":
    case "signalPeer":
    case "awaitPeer":
    case "sync":
    case "setHostname":
    case "setDomainname":
    case "finish":
    case "setsid":
    case "keyring":
    case "chdir":
    case "closeFrom":
    case "init":
      return "";
  }
}

/** A bit mask as a hexadecimal number, most significant byte first. */
function maskText(mask: Uint8Array, say: Say): string {
  return mask.length === 0 ? "" : say("mask {0}", `0x${mask.toReversed().toHex()}`);
}

function shortText(bytes: Uint8Array, say: Say): string {
  const text = JSON.stringify(decoder.decode(bytes));
  return text.length > longestText ? say("{0} bytes", bytes.length) : text;
}

const nodeKinds: ReadonlyMap<number, string> = new Map([
  [fileTypes.character, "c"],
  [fileTypes.block, "b"],
  [fileTypes.fifo, "p"],
]);

function superviseDetail(fields: Extract<WireOp, { readonly op: "supervise" }>["fields"], say: Say): string {
  const at = (saying: Saying, slot: number): string | false =>
    slot !== slotNone && say(saying, slotText(slot));
  return words(
    at("stdin {0}", fields.stdin),
    at("stdout {0}", fields.stdout),
    at("stderr {0}", fields.stderr),
    fields.terminal === 1 && say("terminal"),
    fields.stdinOnce === 1 && say("stdin-once"),
    at("logs {0}", fields.logDirectory),
    fields.logDirectory !== slotNone && say("{0} x {1} bytes", fields.logFiles, fields.logFileBytes),
    at("record {0}", fields.record),
    at("oom {0}", fields.oomFile),
    fields.clients.length > 0 && say("{0} clients", fields.clients.length / 8),
  );
}
