/**
 * What a filter decides, without its instructions: questions about words of `struct seccomp_data`, verdicts at the ends.
 * Of one table, decisions that are built alike are the same object, so `===` compares whole trees.
 */
export interface Verdict {
  readonly kind: "verdict";
  /** SECCOMP_RET_*. */
  readonly value: number;
}

export interface Subject {
  /** Offset of the word that is asked about. */
  readonly word: number;
  /** Bits of it that count. */
  readonly mask: number;
}

export interface Question {
  readonly kind: "question";
  readonly subject: Subject;
  readonly relation: "equal" | "atLeast";
  readonly value: number;
  readonly yes: Decision;
  readonly no: Decision;
}

export type Decision = Verdict | Question;

export const allBits = 0xffff_ffff;

export class DecisionTable {
  readonly #known = new Map<string, Decision>();
  readonly #numbers = new Map<Decision, number>();

  verdict(value: number): Decision {
    return this.#one(`${value}`, () => ({ kind: "verdict", value }));
  }

  /** A question whose answer changes nothing is none. */
  question(
    subject: Subject,
    relation: Question["relation"],
    value: number,
    yes: Decision,
    no: Decision,
  ): Decision {
    if (yes === no || (relation === "atLeast" && value === 0)) return yes;
    const ends = `${this.#numbers.get(yes)} ${this.#numbers.get(no)}`;
    const key = `${subject.word} ${subject.mask} ${relation} ${value} ${ends}`;
    return this.#one(key, () => ({ kind: "question", subject, relation, value, yes, no }));
  }

  #one(key: string, make: () => Decision): Decision {
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    const decision = make();
    this.#known.set(key, decision);
    this.#numbers.set(decision, this.#numbers.size);
    return decision;
  }
}

/** Every decision of a tree once, those that a question leads to before the question. */
export function decisionsBelow(root: Decision): Decision[] {
  const seen = new Set<Decision>();
  const visit = (decision: Decision): void => {
    if (seen.has(decision)) return;
    if (decision.kind === "question") {
      visit(decision.yes);
      visit(decision.no);
    }
    seen.add(decision);
  };
  visit(root);
  return [...seen];
}
