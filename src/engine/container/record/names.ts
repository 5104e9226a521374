/** Container names: which are allowed, and how one is made up. Pure; randomness is an argument. */
import { TiffinError } from "../../../lib/errors.ts";
import { adjectives, surnames } from "./words.ts";

const allowed = /^[a-zA-Z0-9][a-zA-Z0-9_.-]+$/;

/** Returns `name` without Docker's leading slash; throws `invalid` when it is not a name. `attempt` and `before` are how Docker says it. */
export function decodeContainerName(name: string, attempt = "", before = ""): string {
  const bare = name.startsWith("/") ? name.slice(1) : name;
  if (allowed.test(bare)) return bare;
  throw new TiffinError(
    "invalid",
    "container.name-invalid",
    `${attempt}Invalid container name (${before}${bare}), only [a-zA-Z0-9][a-zA-Z0-9_.-] are allowed`,
  );
}

const attempts = 6;

/**
 * A name that `taken` does not know. `random(n)` gives an integer from 0 to n-1. After a few collisions a
 * digit is added, so that a host with thousands of containers still ends quickly.
 */
export function makeUpName(taken: (name: string) => boolean, random: (below: number) => number): string {
  for (let attempt = 0; ; attempt += 1) {
    const adjective = adjectives[random(adjectives.length)] ?? "plain";
    const surname = surnames[random(surnames.length)] ?? "doe";
    const name = `${adjective}_${surname}${attempt < attempts ? "" : random(10 ** (attempt - attempts + 1))}`;
    if (!taken(name)) return name;
  }
}
