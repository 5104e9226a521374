/** A question that a person answers before something is taken away. */
import type { CliContext } from "./context.ts";
import { readAnswer } from "./prompt.ts";

/** Asks on standard output and reads one line; true for `y` and `yes`. */
export async function confirm(context: CliContext, question: string): Promise<boolean> {
  const answer = await readAnswer(context, `${question} [y/N] `);
  return ["y", "yes"].includes(answer.toLowerCase());
}
