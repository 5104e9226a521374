/** Which of the names that there are was meant, as Docker guesses it. Pure. */
import { slips } from "../../lib/slips.ts";

const mostSlips = 2;

/** The nearest, or nothing when all are too far away. */
export function meantName(name: string, names: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = mostSlips + 1;
  for (const candidate of names) {
    const distance = slips(name, candidate);
    if (distance >= least) continue;
    best = candidate;
    least = distance;
  }
  return best;
}
