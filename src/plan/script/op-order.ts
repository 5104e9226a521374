/** The order of a script, and its chapters. Pure. */
import { oneLine } from "../../lib/shell-words.ts";
import { chapterOf, type Vocabulary } from "../explain/mod.ts";
import type { Plan, ProcessOp } from "../plan.ts";

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
export function ordered({ ops }: Plan): readonly [ProcessOp[], ProcessOp[]] {
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

export function chapterLine(chapter: keyof Vocabulary["chapters"], { chapters }: Vocabulary): string[] {
  const { title, meaning } = chapters[chapter];
  return [`# == ${title}: ${meaning}`];
}

export function withChapters(
  list: readonly ProcessOp[],
  vocabulary: Vocabulary,
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
    return [...head, isOpen ? first : `${first}  # ${oneLine(vocabulary.phrase(op.cause))}`, ...more];
  });
}
