import type { Case } from "./cases.ts";
import { allBits, type Decision, type DecisionTable } from "./decision.ts";

/** Neighbouring cases of which all but single values are decided alike. */
interface Stretch {
  readonly from: number;
  readonly decision: Decision;
  readonly exceptions: readonly Case[];
}

/** More of them in one stretch would make a chain of what is to be a tree. */
const exceptionsLimit = 4;

/** The cases as a tree of questions about their word, as few as there can be. */
export function searchTree(cases: readonly Case[], word: number, table: DecisionTable): Decision {
  const subject = { word, mask: allBits };
  const chain = ({ decision, exceptions }: Stretch): Decision =>
    exceptions.reduce(
      (otherwise, exception) =>
        table.question(subject, "equal", exception.from, exception.decision, otherwise),
      decision,
    );
  const tree = (stretches: readonly Stretch[]): Decision => {
    const [first] = stretches;
    const half = stretches.length >> 1;
    const middle = stretches[half];
    if (first === undefined || middle === undefined) throw new RangeError("a search tree of no cases");
    if (half === 0) return chain(first);
    const above = tree(stretches.slice(half));
    return table.question(subject, "atLeast", middle.from, above, tree(stretches.slice(0, half)));
  };
  return tree(fewestStretches(cases));
}

interface Cover {
  /** Questions that it takes from here to the end. */
  readonly cost: number;
  readonly stretch: Stretch;
  /** The case at which the next stretch begins. */
  readonly next: number;
}

/** A border between stretches costs a question, and so does an exception. */
function fewestStretches(cases: readonly Case[]): Stretch[] {
  const covers: Cover[] = [];
  for (let at = cases.length - 1; at >= 0; at -= 1) {
    const best = bestCover(cases, at, covers);
    if (best !== undefined) covers[at] = best;
  }
  const stretches: Stretch[] = [];
  for (let cover = covers[0]; cover !== undefined; cover = covers[cover.next]) stretches.push(cover.stretch);
  return stretches;
}

function bestCover(cases: readonly Case[], at: number, covers: readonly Cover[]): Cover | undefined {
  const first = cases[at];
  if (first === undefined) return undefined;
  const exceptions: Case[] = [];
  let best: Cover | undefined;
  for (let next = at + 1; ; next += 1) {
    const behind = covers[next];
    const cost = exceptions.length + (behind === undefined ? 0 : 1 + behind.cost);
    if (best === undefined || cost < best.cost) {
      best = { cost, stretch: { ...first, exceptions: [...exceptions] }, next };
    }
    const each = cases[next];
    if (each === undefined) return best;
    if (each.decision === first.decision) continue;
    const end = cases[next + 1]?.from ?? allBits + 1;
    if (end - each.from > 1 || exceptions.length === exceptionsLimit) return best;
    exceptions.push(each);
  }
}
