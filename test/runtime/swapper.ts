/**
 * A program that attacks: exchanges the pairs of paths in its arguments, over and over, until its standard input ends
 * or a minute has passed. Each exchange is one step, so a path always leads somewhere: to one or to the other.
 */
import { cString, trySyscall } from "../../src/kernel/syscall.ts";

const fdcwd = -100;
/** RENAME_EXCHANGE */
const exchange = 2;
const limitMs = 60_000;
const between = 50;

const paths = process.argv.slice(2).map(cString);
const endMs = Date.now() + limitMs;
const input = new Int32Array([0, 0x0001_0000]);
// poll(2): events in the low half of the second word, what happened in its high half.
const ended = (): boolean => {
  input[1] = 1;
  return trySyscall("ppoll", input, 1, new BigUint64Array([0n, 0n]), 0, 0) > 0;
};

const empty = new Uint8Array(0);
while (!ended() && Date.now() < endMs) {
  for (let turn = 0; turn < between; turn += 1) {
    for (let at = 0; at + 1 < paths.length; at += 2) {
      trySyscall("renameat2", fdcwd, paths[at] ?? empty, fdcwd, paths[at + 1] ?? empty, exchange);
    }
  }
}
