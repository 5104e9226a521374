/** The option list of one OCI mount, added up: what is asked of the mount, of its tree, of the file system. */
import { mountOptionMeaning } from "../linux/mount-options.ts";

interface AttributeChange {
  set: number;
  clear: number;
}

export interface MountRequest {
  readonly bind: "no" | "single" | "recursive";
  /** MOUNT_ATTR_* of the mount itself. */
  readonly own: Readonly<AttributeChange>;
  /** MOUNT_ATTR_* of every mount of a recursive bind. */
  readonly tree: Readonly<AttributeChange>;
  readonly propagation: { readonly type: number; readonly recursive: boolean } | null;
  readonly idmap: "no" | "single" | "recursive";
  /** Copy the image's files into the new tmpfs. */
  readonly copyUp: boolean;
  /** Change the mount that is at the destination already. */
  readonly remount: boolean;
  /** Parameters of a new file system, `flag` or `key=value`, in the order given. */
  readonly parameters: readonly string[];
}

/** Reads an option list. Of contradicting words the last wins. Never fails: unknown words are parameters. */
export function readMountOptions(words: readonly string[]): MountRequest {
  let bind: MountRequest["bind"] = "no";
  let idmap: MountRequest["idmap"] = "no";
  let copyUp = false;
  let remount = false;
  let propagation: MountRequest["propagation"] = null;
  const own = { set: 0, clear: 0 };
  const tree = { set: 0, clear: 0 };
  const superblock = new Map<string, boolean>();
  const data: string[] = [];
  for (const word of words) {
    // What some tools make of no options.
    if (word === "") continue;
    const meaning = mountOptionMeaning(word);
    switch (meaning?.kind) {
      case undefined:
        data.push(word);
        break;
      case "attribute":
        change(meaning.recursive ? tree : own, meaning);
        break;
      case "propagation":
        propagation = { type: meaning.propagation, recursive: meaning.recursive };
        break;
      case "bind":
        if (bind !== "recursive") bind = meaning.recursive ? "recursive" : "single";
        break;
      case "idmap":
        idmap = meaning.recursive ? "recursive" : "single";
        break;
      case "superblock":
        superblock.set(meaning.flag, meaning.on);
        break;
      case "copyUp":
        copyUp = true;
        break;
      case "remount":
        remount = true;
        break;
      case "ignored":
        break;
    }
  }
  const flags = [...superblock].filter(([, on]) => on).map(([flag]) => flag);
  return { bind, own, tree, propagation, idmap, copyUp, remount, parameters: [...flags, ...data] };
}

function change(into: AttributeChange, { set, clear }: Readonly<AttributeChange>): void {
  into.set = (into.set & ~clear) | set;
  into.clear = (into.clear & ~set) | clear;
}
