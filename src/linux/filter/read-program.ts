import { allBits, type Decision, type DecisionTable, type Subject } from "./decision.ts";
import { type FilterInstruction, filterCodes } from "./instruction.ts";

/**
 * What a program decides; undefined for one with instructions that are not understood here, or whose questions are not
 * about a word of what is asked.
 */
export function readProgram(
  program: readonly FilterInstruction[],
  table: DecisionTable,
): Decision | undefined {
  const known = new Map<string, Decision | undefined>();
  const from = (at: number, subject: Subject | undefined): Decision | undefined => {
    const key = `${at} ${subject?.word} ${subject?.mask}`;
    if (!known.has(key)) known.set(key, step(at, subject));
    return known.get(key);
  };
  const step = (at: number, subject: Subject | undefined): Decision | undefined => {
    const instruction = program[at];
    if (instruction === undefined) return undefined;
    const { code, value, yes, no } = instruction;
    switch (code) {
      case filterCodes.result:
        return table.verdict(value);
      case filterCodes.jump:
        return from(at + 1 + value, subject);
      case filterCodes.loadWord:
        return from(at + 1, { word: value, mask: allBits });
      case filterCodes.and:
        return subject && from(at + 1, { word: subject.word, mask: (subject.mask & value) >>> 0 });
      case filterCodes.jumpIfEqual:
      case filterCodes.jumpIfGreater:
      case filterCodes.jumpIfAtLeast: {
        const holds = from(at + 1 + yes, subject);
        const fails = from(at + 1 + no, subject);
        if (subject === undefined || holds === undefined || fails === undefined) return undefined;
        if (code === filterCodes.jumpIfEqual) return table.question(subject, "equal", value, holds, fails);
        if (code === filterCodes.jumpIfAtLeast)
          return table.question(subject, "atLeast", value, holds, fails);
        return value === allBits ? fails : table.question(subject, "atLeast", value + 1, holds, fails);
      }
      default:
        return undefined;
    }
  };
  return from(0, undefined);
}
