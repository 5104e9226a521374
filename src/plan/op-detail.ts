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

const decoder = new TextDecoder();
const longestText = 60;

function words(...parts: readonly (string | false | undefined)[]): string {
  return parts.filter((part) => part !== undefined && part !== false && part !== "").join(" ");
}

function shortText(bytes: Uint8Array): string {
  const text = JSON.stringify(decoder.decode(bytes));
  return text.length > longestText ? `${bytes.length} bytes` : text;
}

function inRoot(slot: number): string | false {
  return slot !== slotNone && `in ${slotText(slot)}`;
}

function limitText(value: number | bigint): string {
  return BigInt(value) === rlimitInfinity ? "unlimited" : String(value);
}

const createWords: Readonly<Record<number, string>> = {
  [missingTarget.directory]: "making a directory",
  [missingTarget.file]: "making a file",
  [missingTarget.plainDirectory]: "making a directory, not by a link",
};

/** Details of `op`, possibly the empty text. */
export function detailOf(op: WireOp): string {
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
        clone && "clone",
        recursive && "recursive",
      );
    }
    case "mountSetattr": {
      const { mount, flags, userns, set, clear, propagation } = op.fields;
      return words(
        `of ${slotText(mount)}`,
        attributeText(set),
        clearedText(clear),
        propagationText(propagation),
        userns !== slotNone && `through ${slotText(userns)}`,
        (flags & atFlags.recursive) !== 0 && "recursive",
      );
    }
    case "moveMount": {
      const { mount, root, create } = op.fields;
      return words(`<- ${slotText(mount)}`, inRoot(root), createWords[create] ?? "");
    }
    case "umount":
    case "readonlyPath":
      return words(inRoot(op.fields.root));
    case "maskPath": {
      const { root, empty, nullDevice } = op.fields;
      return words(inRoot(root), `with ${slotText(empty)} or ${slotText(nullDevice)}`);
    }
    case "mkdir": {
      const { root, mode, uid, gid } = op.fields;
      return words(inRoot(root), modeText(mode), `${uid}:${gid}`);
    }
    case "createFile": {
      const { root, path, mode, content } = op.fields;
      return words(inRoot(root), `as ${path}`, modeText(mode), `${content.length} bytes`);
    }
    case "symlink":
      return words(inRoot(op.fields.root), `-> ${op.fields.target}`);
    case "mknod": {
      const { root, mode, device, uid, gid } = op.fields;
      const kind = nodeKinds.get(mode & fileTypes.mask) ?? "?";
      return words(inRoot(root), kind, deviceText(device), modeText(mode), `${uid}:${gid}`);
    }
    case "write":
      return words(inRoot(op.fields.dir), shortText(op.fields.data));
    case "setns":
      return words(namespaceText(op.fields.nstype), `of ${slotText(op.fields.slot)}`);
    case "unshare":
      return namespaceText(op.fields.flags);
    case "clone": {
      const { flags, cgroup } = op.fields;
      return words(namespaceText(flags), cgroup !== slotNone && `into cgroup ${slotText(cgroup)}`);
    }
    case "idMap": {
      const flat = (map: string): string => map.trimEnd().replaceAll("\n", ", ");
      const { uidMap, gidMap, denySetgroups } = op.fields;
      return words(`uid ${flat(uidMap)}; gid ${flat(gidMap)}`, denySetgroups === 1 && "setgroups denied");
    }
    case "pivotRoot":
    case "moveRoot":
    case "chroot":
      return words(`to ${slotText(op.fields.root)}`);
    case "pty": {
      const { rows, columns, uid, gid, console } = op.fields;
      return words(`${rows}x${columns}`, `${uid}:${gid}`, console === 1 && "as /dev/console");
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
      return `keep ${capabilityText(op.fields.keep)}`;
    case "setCapabilities": {
      const { effective, permitted, inheritable, ambient } = op.fields;
      const named = (name: string, mask: number | bigint): string => `${name} ${capabilityText(mask)}`;
      return words(
        effective === permitted ? named("effective+permitted", permitted) : named("permitted", permitted),
        effective !== permitted && named("effective", effective),
        named("inheritable", inheritable),
        named("ambient", ambient),
      );
    }
    case "umask":
      return modeText(op.fields.mask);
    case "seccomp":
      return op.fields.flags === 0 ? "" : `flags ${op.fields.flags}`;
    case "exec": {
      const { candidates, arguments: list, environment } = op.fields;
      return words(JSON.stringify(list), `from ${candidates.join(" ")}`, `${environment.length} variables`);
    }
    case "supervise":
      return superviseDetail(op.fields);
    case "leave":
      return op.fields.waitExec === 1 ? "after the exec" : "";
    case "findProgram":
      return op.fields.candidates.slice(1).join(" ");
    case "hook": {
      const { arguments: list, timeoutMs } = op.fields;
      return words(JSON.stringify(list), timeoutMs > 0 && `at most ${timeoutMs} ms`);
    }
    case "personality":
      return `0x${op.fields.persona.toString(16)}`;
    case "setScheduler":
      return words(`policy ${op.fields.policy}`, `nice ${op.fields.nice}`, `priority ${op.fields.priority}`);
    case "setIoPriority":
      return `class ${op.fields.value >> 13} priority ${op.fields.value & 0x1fff}`;
    case "setAffinity":
      return maskText(op.fields.mask);
    case "setMemoryPolicy":
      return words(`mode ${op.fields.mode}`, maskText(op.fields.nodes));
    case "copyTree":
    case "copyMode":
      return words(inRoot(op.fields.root), `-> ${slotText(op.fields.to)}`);
    case "passListener":
      return `${op.fields.message.length} bytes`;
    case "setGroups":
      return op.fields.mayBeForbidden === 1 ? "if the user namespace allows it" : "";
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
function maskText(mask: Uint8Array): string {
  return mask.length === 0 ? "" : `mask 0x${mask.toReversed().toHex()}`;
}

const nodeKinds: ReadonlyMap<number, string> = new Map([
  [fileTypes.character, "c"],
  [fileTypes.block, "b"],
  [fileTypes.fifo, "p"],
]);

function superviseDetail(fields: Extract<WireOp, { readonly op: "supervise" }>["fields"]): string {
  const at = (name: string, slot: number): string | false => slot !== slotNone && `${name} ${slotText(slot)}`;
  return words(
    at("stdin", fields.stdin),
    at("stdout", fields.stdout),
    at("stderr", fields.stderr),
    fields.terminal === 1 && "terminal",
    fields.stdinOnce === 1 && "stdin-once",
    at("logs", fields.logDirectory),
    fields.logDirectory !== slotNone && `${fields.logFiles} x ${fields.logFileBytes} bytes`,
    at("record", fields.record),
    at("oom", fields.oomFile),
    fields.clients.length > 0 && `${fields.clients.length / 8} clients`,
  );
}
