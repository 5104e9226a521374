/** Comparing with files that are in the repository. A file that is missing fails, whoever forgot it. */
import { expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

const flag = "TIFFIN_UPDATE_GOLDEN";

/** `file` holds exactly `text`. With TIFFIN_UPDATE_GOLDEN=1 it is written instead: read the difference before committing. */
export function expectGolden(file: string, text: string): void {
  if (process.env[flag] === "1") writeFileSync(file, text);
  else if (!existsSync(file))
    throw new Error(
      `${basename(file)} is missing: run with ${flag}=1, read what is written, and commit it (${file})`,
    );
  expect(text).toBe(readFileSync(file, "utf8"));
}
