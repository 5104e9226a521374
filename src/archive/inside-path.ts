/** Paths of archive entries, read as lying below the directory that an archive is unpacked into. */
import { TiffinError } from "../lib/errors.ts";
import { shownName } from "../lib/shown-name.ts";

/** Nothing that the slow way would change: no empty part, and none that begins with a dot. */
const plain = /^[^/.][^/]*(?:\/[^/.][^/]*)*$/;

/** The path without `.`, `..` and slashes at its ends; one that leads above its start is refused. */
export function insidePath(path: string): string {
  if (plain.test(path)) return path;
  const parts: string[] = [];
  for (const name of path.split("/")) {
    if (name === "" || name === ".") continue;
    if (name !== "..") parts.push(name);
    else if (parts.pop() === undefined) throw escapes(path);
  }
  return parts.join("/");
}

export function escapes(path: string): TiffinError {
  return new TiffinError(
    "invalid",
    "archive.escapes",
    `archive entry ${shownName(path)} lies outside of the directory that it is unpacked into`,
  );
}
