/** A question that a person answers before something is taken away. */
import type { CliContext } from "./context.ts";

const limitBytes = 1024;
const newline = 10;

/** Asks on standard output and reads one line; true for `y` and `yes`. */
export function confirm(context: CliContext, question: string): boolean {
  context.out(`${question} [y/N] `);
  const { io } = context;
  const answer: number[] = [];
  const byte = new Uint8Array(1);
  while (answer.length < limitBytes) {
    const got = io.readInput(byte);
    if (got === 0) break;
    if (got === undefined) {
      const table = io.newPollTable(1);
      table.set(0, 0, 1);
      table.wait();
      continue;
    }
    if (byte[0] === newline) break;
    answer.push(byte[0] ?? 0);
  }
  return ["y", "yes"].includes(
    String.fromCharCode(...answer)
      .trim()
      .toLowerCase(),
  );
}
