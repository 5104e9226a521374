/** The same node with another owner, other permission bits or another time, and all below it too. */
import type { FileStatus } from "../../../kernel/directory.ts";
import { own } from "../../../lib/own.ts";
import type { TreeNode } from "../../tree/mod.ts";

export interface Appearance {
  readonly owner?: { readonly uid: number; readonly gid: number };
  /** Octal, or symbolic as chmod(1) has it. */
  readonly mode?: string;
}

export function shownNode(node: TreeNode, appearance: Appearance): TreeNode {
  if (appearance.owner === undefined && appearance.mode === undefined) return node;
  return {
    fd: node.fd,
    isReadable: node.isReadable === true,
    status: shownStatus(node.status, appearance),
    carries: node.carries,
    names: () => node.names(),
    child(name) {
      const child = node.child(name);
      return child === undefined ? undefined : shownNode(child, appearance);
    },
    [Symbol.dispose]: () => node[Symbol.dispose](),
  };
}

function shownStatus(status: FileStatus, { owner, mode }: Appearance): FileStatus {
  const changed = mode === undefined || status.type === "symlink" ? status.mode : modeOf(mode, status);
  return { ...status, ...(owner !== undefined && owner), mode: changed };
}

/** chmod(1)'s words: `u=rwX,go-w`, or octal digits. */
export function modeOf(text: string, { mode, type }: Pick<FileStatus, "mode" | "type">): number {
  if (/^[0-7]+$/.test(text)) return Number.parseInt(text, 8);
  let result = mode;
  for (const part of text.split(",")) {
    const [, who = "", actions = ""] = /^([ugoa]*)(.*)$/.exec(part) ?? [];
    const classes = who === "" || who.includes("a") ? "ugo" : who;
    for (const [, sign = "", letters = ""] of actions.matchAll(/([-+=])([rwxXstugo]*)/g)) {
      result = changed(result, { classes, sign, letters, isDirectory: type === "directory" });
    }
  }
  return result;
}

interface ModeChange {
  readonly classes: string;
  readonly sign: string;
  readonly letters: string;
  readonly isDirectory: boolean;
}

const shifts: Readonly<Record<string, number>> = { u: 6, g: 3, o: 0 };
const permissions: Readonly<Record<string, number>> = { r: 4, w: 2, x: 1 };
const special: Readonly<Record<string, number>> = { u: 0o4000, g: 0o2000, o: 0 };
const anyExecute = 0o111;
const sticky = 0o1000;

function changed(mode: number, { classes, sign, letters, isDirectory }: ModeChange): number {
  let result = mode;
  for (const one of classes) {
    const shift = own(shifts, one) ?? 0;
    let bits = 0;
    let extra = 0;
    for (const letter of letters) {
      if (letter === "X") bits |= isDirectory || (mode & anyExecute) !== 0 ? 1 : 0;
      else if (letter === "s") extra |= own(special, one) ?? 0;
      else if (letter === "t") extra |= sticky;
      else if (Object.hasOwn(shifts, letter)) bits |= (mode >> (own(shifts, letter) ?? 0)) & 7;
      else bits |= own(permissions, letter) ?? 0;
    }
    const whole = (bits << shift) | extra;
    if (sign === "+") result |= whole;
    else if (sign === "-") result &= ~whole;
    else result = (result & ~((7 << shift) | (own(special, one) ?? 0))) | whole;
  }
  return result;
}
