import { allBits, type Decision, type DecisionTable, decisionsBelow, type Question } from "./decision.ts";

/** What is decided for all values of a word from here to the next case. */
export interface Case {
  readonly from: number;
  readonly decision: Decision;
}

/**
 * A decision by the values of one word, in order, with nothing asked about that word any more. No two neighbours are
 * alike, so two decisions are equal in effect, as far as this word goes, when their cases are. Undefined where
 * single bits of the word are asked about.
 */
export function casesOf(decision: Decision, word: number, table: DecisionTable): Case[] | undefined {
  const starts = new Set([0]);
  for (const each of decisionsBelow(decision)) {
    if (each.kind !== "question" || each.subject.word !== word) continue;
    if (each.subject.mask !== allBits) return undefined;
    starts.add(each.value);
    if (each.relation === "equal" && each.value < allBits) starts.add(each.value + 1);
  }
  const cases: Case[] = [];
  for (const from of [...starts].sort((a, b) => a - b)) {
    const settled = settle(decision, word, from, table);
    if (cases.at(-1)?.decision !== settled) cases.push({ from, decision: settled });
  }
  return cases;
}

function holds({ relation, value }: Question, asked: number): boolean {
  return relation === "equal" ? asked === value : asked >= value;
}

/** What is left to decide where the word has this value. */
function settle(root: Decision, word: number, value: number, table: DecisionTable): Decision {
  const settled = new Map<Decision, Decision>();
  const visit = (decision: Decision): Decision => {
    let at = decision;
    while (at.kind === "question" && at.subject.word === word) at = holds(at, value) ? at.yes : at.no;
    if (at.kind === "verdict") return at;
    const known = settled.get(at);
    if (known !== undefined) return known;
    const made = table.question(at.subject, at.relation, at.value, visit(at.yes), visit(at.no));
    settled.set(at, made);
    return made;
  };
  return visit(root);
}
