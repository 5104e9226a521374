/**
 * Commands that do one thing to several containers: each name is tried, the ones that worked are printed, failures are reported
 * as they come, and any failure makes the exit code 1.
 */

import type { ApiClient } from "../client/api-client.ts";
import type { CliContext } from "./context.ts";
import { describeError } from "./describe-error.ts";

/** What an action may call; the same methods whichever transport is underneath. */
export type ContainerCalls = Pick<ApiClient<unknown>, "perform" | "document">;

/** As users may write names: with the slash that inspect shows. */
export function cleanName(name: string): string {
  const clean = name.replace(/^\/+|\/+$/g, "");
  if (clean === "") throw new Error("invalid container name or ID: value is empty");
  return clean;
}

export interface EachOptions {
  /** What is printed when it worked; undefined prints nothing. */
  readonly print?: (name: string, result: string | undefined) => string | undefined;
  /** True when this failure does not count. */
  readonly forgive?: (thrown: unknown) => boolean;
}

/**
 * Runs `action` for every name: alone by blocking calls, several at the same time (a stop may take ten seconds), reporting in
 * the order of the names. Returns the names that failed.
 */
export async function eachContainer(
  context: CliContext,
  names: readonly string[],
  action: (api: ContainerCalls, name: string) => Promise<string | undefined>,
  options: EachOptions = {},
): Promise<readonly string[]> {
  const api: ContainerCalls = names.length === 1 ? await context.api() : await context.parallelApi();
  const running = names.map(async (name) => {
    try {
      return { result: await action(api, cleanName(name)) };
    } catch (thrown) {
      return { thrown };
    }
  });
  const failed: string[] = [];
  for (const [index, name] of names.entries()) {
    const outcome = await running[index];
    if (outcome !== undefined && "thrown" in outcome) {
      context.err(`${describeError(outcome.thrown, context.debug)}\n`);
      if (options.forgive?.(outcome.thrown) !== true) failed.push(name);
      continue;
    }
    const line = options.print === undefined ? name : options.print(name, outcome?.result);
    if (line !== undefined) context.out(`${line}\n`);
  }
  return failed;
}
