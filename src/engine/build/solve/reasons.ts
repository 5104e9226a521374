/** Why a step is done again: what is other than it was in the nearest step that is remembered. */
import type { CacheRecord, StepCache, StepInput } from "../step-cache.ts";

const shownReasons = 5;
const shownLetters = 60;
/** More are not looked through. */
const limitRecords = 2000;

export function reasonsFor(
  cache: StepCache,
  facts: readonly StepInput[],
  description: string,
  ignored: boolean,
): string[] {
  if (ignored) return ["nothing that is remembered is used (--no-cache)"];
  const nearest = nearestOf(cache.all().slice(-limitRecords), facts, description);
  if (nearest === undefined) return [];
  const differences = differencesOf(nearest.inputs, facts);
  if (differences.length <= shownReasons) return differences;
  const more = differences.length - shownReasons;
  return [...differences.slice(0, shownReasons), `and ${more} more`];
}

/** The one with the most in common, the same instruction before others. */
function nearestOf(
  records: readonly CacheRecord[],
  facts: readonly StepInput[],
  description: string,
): CacheRecord | undefined {
  const values = new Map(facts.map(({ name, value }) => [name, value]));
  let best: CacheRecord | undefined;
  let bestScore = 0;
  for (const record of records) {
    if (record.kind !== "regular" || record.inputs.length === 0) continue;
    const same = record.inputs.filter(({ name, value }) => values.get(name) === value).length;
    const alike = same / Math.max(record.inputs.length, facts.length);
    const isSame = record.description === description;
    // Another instruction is only near when nearly all is the same.
    const score = isSame ? 1 + alike : alike;
    if ((isSame || alike > leastAlike) && score >= bestScore) {
      best = record;
      bestScore = score;
    }
  }
  return best;
}

const leastAlike = 0.6;

function differencesOf(before: readonly StepInput[], now: readonly StepInput[]): string[] {
  const old = new Map(before.map(({ name, value }) => [name, value]));
  const fresh = new Map(now.map(({ name, value }) => [name, value]));
  const changed = now.flatMap(({ name, value }) => {
    const known = old.get(name);
    if (known === value) return [];
    return [known === undefined ? `${name} is new` : changeText(name, known, value)];
  });
  const gone = before.filter(({ name }) => !fresh.has(name)).map(({ name }) => `${name} is gone`);
  return [...changed, ...gone];
}

function changeText(name: string, before: string, now: string): string {
  if (name === "base") return "what it is done on is other: a step before, or the base image";
  if (/^(?:variable|user|working directory|network|security|platform|command|instruction)/.test(name)) {
    return `${name} was ${shown(before)}, is ${shown(now)}`;
  }
  return `${name} has changed`;
}

function shown(text: string): string {
  return JSON.stringify(text.length > shownLetters ? `${text.slice(0, shownLetters)}...` : text);
}
