/**
 * What a step's key says of many files: each by its own name, and of more than a person reads, those of a directory together. Facts of one
 * directory follow each other, and where nothing of it has changed, their text is the one of the last time.
 */
import { createHash } from "node:crypto";
import type { StepInput } from "../step-cache.ts";

/** As many entries are told apart by their own names; of more, directories are. */
const limitFacts = 400;
export const factDigits = 32;
const limitDepth = 8;

/** Entries of one directory, in their order. */
export interface FactRun {
  readonly directory: string;
  readonly facts: readonly StepInput[];
  /** A line for each. */
  readonly text: string;
}

export class FactRuns {
  readonly #runs: { directory: string; facts: readonly StepInput[]; text: string | undefined }[] = [];
  #open: { readonly directory: string; readonly facts: StepInput[] } | undefined;
  #count = 0;

  add(fact: StepInput): void {
    const directory = parentOf(fact.name);
    if (this.#open?.directory !== directory) {
      this.#open = { directory, facts: [] };
      this.#runs.push({ ...this.#open, text: undefined });
    }
    this.#open.facts.push(fact);
    this.#count += 1;
  }

  addRun({ directory, facts, text }: FactRun): void {
    this.#open = undefined;
    this.#runs.push({ directory, facts, text });
    this.#count += facts.length;
  }

  /** To group by all but the deepest entries' own names is the first that makes fewer of them. */
  all(): StepInput[] {
    if (this.#count <= limitFacts) return this.#runs.flatMap(({ facts }) => facts);
    const deepest = this.#runs.reduce((most, { directory }) => Math.max(most, partsIn(directory) + 1), 0);
    for (let depth = Math.min(limitDepth, deepest - 1); depth > 0; depth -= 1) {
      const facts = this.#grouped(depth);
      if (facts.length <= limitFacts) return facts;
    }
    return this.#grouped(0);
  }

  /** All below a directory of that depth as one. */
  #grouped(depth: number): StepInput[] {
    const groups = new Map<string, string[]>();
    const put = (group: string, text: string): void => {
      const texts = groups.get(group);
      if (texts === undefined) groups.set(group, [text]);
      else texts.push(text);
    };
    for (const { directory, facts, text } of this.#runs) {
      if (partsIn(directory) >= depth) put(directoryAt(directory, depth), text ?? textOf(facts));
      else for (const fact of facts) put(directoryAt(fact.name, depth), textOf([fact]));
    }
    return [...groups].map(([name, texts]) => ({
      name: name === "" ? "files" : name,
      value: createHash("sha256").update(texts.join("")).digest("hex").slice(0, factDigits),
    }));
  }
}

export function textOf(facts: readonly StepInput[]): string {
  return facts.map(({ name, value }) => `${JSON.stringify([name, value])}\n`).join("");
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash === -1 ? "" : path.slice(0, slash);
}

function partsIn(path: string): number {
  return path === "" ? 0 : path.split("/").length;
}

/** The first `depth` parts of a path. */
function directoryAt(path: string, depth: number): string {
  let end = depth === 0 ? 0 : -1;
  for (let part = 0; part < depth; part += 1) {
    end = path.indexOf("/", end + 1);
    if (end === -1) return path;
  }
  return path.slice(0, end);
}
