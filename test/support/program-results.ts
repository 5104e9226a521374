/** What a client program came to, scenario by scenario: it prints one JSON object with a member for each. */
import { expect } from "bun:test";
import { outcomeOf } from "./outcome.ts";

export type ProgramResults = Readonly<Record<string, unknown>>;

export async function programResults(...command: readonly string[]): Promise<ProgramResults> {
  const child = Bun.spawn([...command], { stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const { code, stdout, stderr } = await outcomeOf(child);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return resultsIn(stdout);
}

export function resultsIn(printed: string): ProgramResults {
  const results: unknown = JSON.parse(printed);
  if (typeof results !== "object" || results === null) throw new Error(`no object: ${printed}`);
  return { ...results };
}
