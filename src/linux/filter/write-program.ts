import { allBits, type Decision, decisionsBelow, type Question, type Subject } from "./decision.ts";
import { type FilterInstruction, filterCodes, filterInstruction } from "./instruction.ts";

/** What a conditional jump can skip; any other can skip more. */
const farthest = 255;

/** What is jumped to: a decision's beginning, or behind its load where the word is loaded already. */
interface Target {
  readonly decision: Decision;
  readonly loaded: boolean;
}

/** A program that decides so. Each decision is there once, and a word is loaded only where it is not. */
export function writeProgram(root: Decision): FilterInstruction[] {
  const decisions = decisionsBelow(root);
  const withLoad = beginWithLoad(root, decisions);
  // Jumps lead forward, so the program is made from its end: what is jumped to is there already.
  const backwards: FilterInstruction[] = [];
  const begins = new Map<Decision, number>();
  const loaded = new Map<Decision, number>();
  const put = (instruction: FilterInstruction): number => backwards.push(instruction);
  const placesOf = (target: Target): Map<Decision, number> => (target.loaded ? loaded : begins);
  const distance = (target: Target): number =>
    backwards.length - (placesOf(target).get(target.decision) ?? 0);
  /** Something near that leads there: itself, a verdict once more, or a jump. */
  const bringNear = (target: Target, room: number): void => {
    if (distance(target) <= room) return;
    const { decision } = target;
    const step =
      decision.kind === "verdict"
        ? filterInstruction(filterCodes.result, decision.value)
        : filterInstruction(filterCodes.jump, distance(target));
    placesOf(target).set(decision, put(step));
  };
  for (const decision of decisions) {
    if (decision.kind === "verdict") {
      begins.set(decision, put(filterInstruction(filterCodes.result, decision.value)));
      continue;
    }
    const { yes, no } = targets(decision);
    // What is put for the second may move the first out of reach.
    bringNear(yes, farthest - 1);
    bringNear(no, farthest);
    const code = decision.relation === "equal" ? filterCodes.jumpIfEqual : filterCodes.jumpIfAtLeast;
    loaded.set(decision, put(filterInstruction(code, decision.value, distance(yes), distance(no))));
    if (withLoad.has(decision)) begins.set(decision, putLoad(decision.subject, put));
  }
  return backwards.reverse();
}

function putLoad({ word, mask }: Subject, put: (instruction: FilterInstruction) => number): number {
  if (mask !== allBits) put(filterInstruction(filterCodes.and, mask));
  return put(filterInstruction(filterCodes.loadWord, word));
}

function targets(question: Question): { readonly yes: Target; readonly no: Target } {
  const target = (decision: Decision): Target => ({ decision, loaded: sharesLoad(question, decision) });
  return { yes: target(question.yes), no: target(question.no) };
}

function sharesLoad(question: Question, next: Decision): boolean {
  if (next.kind === "verdict") return false;
  const { word, mask } = next.subject;
  return question.subject.word === word && question.subject.mask === mask;
}

/** Decisions that are come to from somewhere with another word in the accumulator. */
function beginWithLoad(root: Decision, decisions: readonly Decision[]): Set<Decision> {
  const found = new Set([root]);
  for (const decision of decisions) {
    if (decision.kind === "verdict") continue;
    for (const next of [decision.yes, decision.no]) if (!sharesLoad(decision, next)) found.add(next);
  }
  return found;
}
