/** A directory that belongs to an engine: made with those above it, for root alone. */
import { mkdirSync } from "node:fs";
import { messageOf, TiffinError } from "../../lib/errors.ts";

const reasons: ReadonlyMap<unknown, string> = new Map([
  ["EEXIST", "there is something else of that name"],
  ["ENOTDIR", "something on the way there is no directory"],
  ["EROFS", "the file system is read-only"],
  ["ENOSPC", "there is no room on the file system"],
  ["EACCES", "this user may not"],
]);

/** `option`: where the path comes from. Errors: `store.directory`. */
export function makeOwnDirectory(path: string, option: string): void {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
  } catch (thrown) {
    const code: unknown = thrown instanceof Error && "code" in thrown ? thrown.code : undefined;
    const reason = reasons.get(code) ?? messageOf(thrown);
    throw new TiffinError("invalid", "store.directory", `cannot make the directory ${path}: ${reason}`, {
      exitCode: 125,
      remedy: `give the engine another one with ${option}`,
      cause: thrown,
    });
  }
}
