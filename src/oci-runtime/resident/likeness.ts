/**
 * Whether another process is so much like this one that this one may decide and do in its place: the same namespaces,
 * root directory, ids, capabilities and security label. So whoever is answered could have done everything itself, and
 * every path and number means the same to both.
 */
import { likeness } from "../../abi/front.ts";
import { readLink, readTextIfPossible } from "../../kernel/files.ts";
import { parseStatus } from "../../linux/proc.ts";

const { namespaces, rights } = likeness;
/** Files that are made for the caller have its mode. */
const alikeFields = [...rights, "Umask"];

/** What two processes are compared by; undefined for one that is gone. Strings that mean something to `===` only. */
export type Likeness = readonly (string | undefined)[];

/** `process`: a pid, or `self`. */
export function likenessOf(process: number | "self"): Likeness | undefined {
  const own = `/proc/${process}`;
  const text = readTextIfPossible(`${own}/status`);
  if (text === undefined) return undefined;
  const status = parseStatus(text);
  return [
    readLink(`${own}/root`),
    // Without a security module there is none.
    readTextIfPossible(`${own}/attr/current`),
    ...namespaces.map((name) => readLink(`${own}/ns/${name}`)),
    ...alikeFields.map((field) => status.get(field)),
  ];
}

export function areAlike(a: Likeness, b: Likeness | undefined): boolean {
  return b !== undefined && a.every((value, index) => value === b[index]);
}

/**
 * Inode numbers that the kernel gives to its first namespaces (include/linux/proc_ns.h). Those of mnt and net are fixed
 * since Linux 6.18 only; before that the first process of the machine tells.
 */
const initialNamespaces: Readonly<Record<(typeof namespaces)[number], number>> = {
  mnt: 0xefff_fff8,
  net: 0xefff_fff9,
  time: 0xefff_fffa,
  cgroup: 0xefff_fffb,
  pid: 0xefff_fffc,
  user: 0xefff_fffd,
  uts: 0xefff_fffe,
  ipc: 0xefff_ffff,
};

/** Whether this process lives where the machine's first one does, so that staying pins nothing of anybody else's. */
export function isAtHome(): boolean {
  return namespaces.every((name) => {
    const own = readLink(`/proc/self/ns/${name}`);
    // A kernel without time namespaces.
    if (own === undefined) return true;
    return own === `${name}:[${initialNamespaces[name]}]` || own === readLink(`/proc/1/ns/${name}`);
  });
}
