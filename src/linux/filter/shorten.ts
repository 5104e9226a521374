import { type Case, casesOf } from "./cases.ts";
import { DecisionTable } from "./decision.ts";
import {
  decodeFilter,
  encodeFilter,
  type FilterInstruction,
  filterInstructionBytes,
  filterWords,
} from "./instruction.ts";
import { readProgram } from "./read-program.ts";
import { searchTree } from "./search-tree.ts";
import { writeProgram } from "./write-program.ts";

/**
 * A program of fewer instructions that returns the same for every architecture, number and argument: the kernel checks
 * and compiles each of them whenever a process is confined. Ranges of numbers with one answer are searched in halves.
 * What the new program decides is read from its instructions again and compared; a program that is not understood, or
 * would not become shorter, stays as it is.
 */
export function shortenFilter(bytes: Uint8Array): Uint8Array {
  const table = new DecisionTable();
  const wanted = casesByArchitecture(decodeFilter(bytes), table);
  if (wanted === undefined) return bytes;
  const made = writeProgram(searchTree(wanted, filterWords.architecture, table));
  if (made.length * filterInstructionBytes >= bytes.length) return bytes;
  const decided = casesByArchitecture(made, table);
  return decided !== undefined && alike(wanted, decided) ? encodeFilter(made) : bytes;
}

/** What the program decides, in the one form that all programs have that decide so. */
function casesByArchitecture(
  program: readonly FilterInstruction[],
  table: DecisionTable,
): Case[] | undefined {
  const decision = readProgram(program, table);
  const architectures = decision && casesOf(decision, filterWords.architecture, table);
  if (architectures === undefined) return undefined;
  const cases: Case[] = [];
  for (const { from, decision: left } of architectures) {
    const numbers = casesOf(left, filterWords.number, table);
    if (numbers === undefined) return undefined;
    const tree = searchTree(numbers, filterWords.number, table);
    if (cases.at(-1)?.decision !== tree) cases.push({ from, decision: tree });
  }
  return cases;
}

function alike(some: readonly Case[], others: readonly Case[]): boolean {
  return (
    some.length === others.length &&
    some.every(({ from, decision }, at) => others[at]?.from === from && others[at].decision === decision)
  );
}
