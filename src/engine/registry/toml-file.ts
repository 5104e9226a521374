/** A configuration file in TOML: another program's, read as it is. */
import { readFileSync } from "node:fs";
import { messageOf, TiffinError } from "../../lib/errors.ts";

const limitBytes = 1024 * 1024;

/** Undefined when there is no such file. Throws `invalid` naming the file. */
export function readToml(path: string): unknown {
  let content: string;
  try {
    content = readFileSync(path, "utf8");
  } catch (thrown) {
    if (
      thrown instanceof Error &&
      "code" in thrown &&
      (thrown.code === "ENOENT" || thrown.code === "ENOTDIR")
    ) {
      return undefined;
    }
    throw unreadable(path, thrown);
  }
  if (content.length > limitBytes) throw unreadable(path, `it has more than ${limitBytes} bytes`);
  try {
    return Bun.TOML.parse(content);
  } catch (thrown) {
    throw unreadable(path, thrown);
  }
}

function unreadable(path: string, thrown: unknown): TiffinError {
  return new TiffinError(
    "invalid",
    "registry.bad-configuration",
    `cannot read ${path}: ${messageOf(thrown)}`,
    {
      cause: thrown,
    },
  );
}
