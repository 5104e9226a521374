import { decodeFilter, filterCodes } from "../mod.ts";
import type { AskedCall } from "./run-filter.ts";

const x86_64 = 0xc000_003e;
const x86 = 0x4000_0003;
const x32 = 0x4000_003e;
const aarch64 = 0xc000_00b7;
const architectures = [x86_64, x86, x32, aarch64, 0, 0xffff_ffff];
const x32Bit = 0x4000_0000;

/** Numbers below this are asked each, and as many of x32; beyond, those that a program compares with. */
const eachNumberBelow = 1024;

/**
 * Calls that tell programs apart: every number of every architecture, and for each of `withArguments` (number by name or not)
 * arguments at, below and above whatever the programs compare with.
 */
export function* boundaryCalls(
  programs: readonly Uint8Array[],
  withArguments: readonly number[],
): Generator<AskedCall> {
  const values = comparedValues(programs);
  const numbers = new Set([0xffff_ffff, 0x7fff_ffff, ...values]);
  for (let number = 0; number < eachNumberBelow; number += 1) numbers.add(number).add(x32Bit + number);
  for (const architecture of architectures) {
    for (const number of numbers) yield { architecture, number };
  }
  const words = values.map(BigInt);
  // Both halves of an argument are asked about, and other bits of what is masked.
  const args = [
    ...words,
    ...words.map((value) => value << 32n),
    ...words.map((value) => (1n << 32n) + value),
  ];
  for (const number of withArguments) {
    for (const value of args) {
      const call = { number, args: [value, value, value, value, value, value] };
      for (const architecture of architectures.slice(0, 3)) yield { ...call, architecture };
      for (let index = 0; index < 6; index += 1) {
        yield {
          number,
          architecture: x86_64,
          args: Array.from({ length: 6 }, (_, at) => (at === index ? value : 0n)),
        };
      }
    }
  }
}

function comparedValues(programs: readonly Uint8Array[]): number[] {
  const values = new Set<number>();
  for (const { code, value } of programs.flatMap(decodeFilter)) {
    const compares = code === filterCodes.jumpIfEqual || code === filterCodes.jumpIfGreater;
    if (!compares && code !== filterCodes.jumpIfAtLeast && code !== filterCodes.and) continue;
    for (const near of [value - 1, value, value + 1]) values.add(near >>> 0);
  }
  return [...values];
}
