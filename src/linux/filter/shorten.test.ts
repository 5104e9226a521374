import { describe, expect, test } from "bun:test";
import { type Numbers, numbersFrom } from "../../../test/support/random-numbers.ts";
import {
  decodeFilter,
  encodeFilter,
  type FilterInstruction,
  filterCodes,
  filterInstruction,
  filterWords,
  shortenFilter,
} from "./mod.ts";
import { boundaryCalls } from "./testing/boundary-calls.ts";
import { filterRunner } from "./testing/run-filter.ts";

const x86_64 = 0xc000_003e;
const x86 = 0x4000_0003;
const allow = 0x7fff_0000;
const refuse = 0x0005_0001;
const { loadWord, and, jump, jumpIfEqual, jumpIfGreater, jumpIfAtLeast, result } = filterCodes;

function expectAlike(bytes: Uint8Array, withArguments: readonly number[]): Uint8Array {
  const short = shortenFilter(bytes);
  const [runLong, runShort] = [filterRunner(bytes), filterRunner(short)];
  for (const call of boundaryCalls([bytes, short], withArguments)) {
    const wanted = runLong(call);
    if (runShort(call) !== wanted)
      expect({ call, verdict: runShort(call) }).toEqual({ call, verdict: wanted });
  }
  return short;
}

/** Jumps anywhere ahead, loads of any word, masks where an argument is loaded. */
function randomProgram(pick: Numbers): Uint8Array {
  const length = 20 + pick(400);
  // The last two end every way.
  const program: FilterInstruction[] = [filterInstruction(loadWord, filterWords.architecture)];
  const ahead = (): number => pick(Math.min(256, length - program.length - 2));
  while (program.length < length - 2) {
    const compared = [x86_64, x86, pick(500), pick(500), pick(20), 0, 0xffff_ffff][pick(7)] ?? 0;
    switch (pick(8)) {
      case 0:
      case 1: {
        const word = [filterWords.number, filterWords.architecture, 16 + 4 * pick(6)][pick(3)] ?? 0;
        program.push(filterInstruction(loadWord, word));
        // In one breath with its load: a mask that some jump avoids could be one of the number.
        if (word >= 16 && pick(2) === 0) program.push(filterInstruction(and, pick(0x1_0000)));
        break;
      }
      case 2:
        program.push(filterInstruction(result, [allow, refuse, 0][pick(3)] ?? 0));
        break;
      case 3:
        program.push(filterInstruction(jump, ahead()));
        break;
      default: {
        const code = [jumpIfEqual, jumpIfGreater, jumpIfAtLeast][pick(3)] ?? jumpIfEqual;
        program.push(filterInstruction(code, compared, ahead(), ahead()));
      }
    }
  }
  program.push(filterInstruction(result, refuse), filterInstruction(result, allow));
  return encodeFilter(program);
}

describe("a shorter filter", () => {
  test("of any program returns what the program does, for each architecture, number and argument", () => {
    const pick = numbersFrom(20_261_129);
    let shorter = 0;
    for (let round = 0; round < 60; round += 1) {
      const program = randomProgram(pick);
      if (expectAlike(program, [pick(500), pick(500)]).length < program.length) shorter += 1;
    }
    expect(shorter).toBeGreaterThan(40);
  });

  test("asks twice where a range has one answer, not once for each number", () => {
    const program = [filterInstruction(loadWord, filterWords.number)];
    for (let number = 100; number < 300; number += 1) {
      program.push(filterInstruction(jumpIfEqual, number, 0, 1), filterInstruction(result, allow));
    }
    program.push(filterInstruction(result, refuse));
    const short = expectAlike(encodeFilter(program), []);
    expect(decodeFilter(short).map(({ code, value }) => [code, value])).toEqual([
      [loadWord, filterWords.number],
      [jumpIfAtLeast, 100],
      [jumpIfAtLeast, 300],
      [result, allow],
      [result, refuse],
    ]);
  });

  test("reaches what is farther than a conditional jump can skip", () => {
    const program = [filterInstruction(loadWord, filterWords.number)];
    const numbers = Array.from({ length: 400 }, (_, index) => index);
    for (const number of numbers) {
      program.push(
        filterInstruction(jumpIfEqual, number, 0, 5),
        filterInstruction(loadWord, 16),
        filterInstruction(and, 0xff00 + (number % 7)),
        filterInstruction(jumpIfEqual, number * 3, 0, 1),
        filterInstruction(result, number % 2 === 0 ? allow : 0),
        filterInstruction(result, refuse),
      );
    }
    program.push(filterInstruction(result, refuse));
    const short = decodeFilter(expectAlike(encodeFilter(program), [0, 1, 77, 398, 399]));
    expect(short.length).toBeLessThan(program.length);
    expect(short.some(({ code }) => code === jump)).toBe(true);
  });

  test.each([
    ["an instruction that is not known", [filterInstruction(0x87, 0)]],
    ["a load of no word", [filterInstruction(jumpIfEqual, 1)]],
    [
      "bits of the number",
      [filterInstruction(loadWord, 0), filterInstruction(and, 7), filterInstruction(jumpIfEqual, 1, 0, 1)],
    ],
    ["a jump past the end", [filterInstruction(loadWord, 0), filterInstruction(jumpIfEqual, 1, 200, 0)]],
  ])("%s: the program stays as it is", (_, begin) => {
    const filler = Array.from({ length: 20 }, () => filterInstruction(result, allow));
    const bytes = encodeFilter([...begin, filterInstruction(result, refuse), ...filler]);
    expect(shortenFilter(bytes)).toBe(bytes);
  });

  test("an empty program stays one", () => {
    const none = new Uint8Array();
    expect(shortenFilter(none)).toBe(none);
  });
});
