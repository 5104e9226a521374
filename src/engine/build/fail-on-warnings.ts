/** A Dockerfile may want that nothing is built of it while its checks warn (`# check=error=true`). */
import type { CheckOptions } from "../../docker/dockerfile/check-warning.ts";
import { checkArgument } from "../../docker/dockerfile/check-wishes.ts";
import { TiffinError } from "../../lib/errors.ts";
import { checkedFile } from "./checked-file.ts";
import type { ReadDockerfile } from "./read-dockerfile.ts";

/** Errors: `build.check`. */
export function failOnWarnings(read: ReadDockerfile, given: CheckOptions["arguments"]): void {
  // Most Dockerfiles say nothing of it, and cost nothing.
  if ((given(checkArgument) ?? read.file.check) === undefined) return;
  const { warnings, failing } = checkedFile(read, given);
  if (!failing || warnings.length === 0) return;
  const rules = [...new Set(warnings.map(({ rule }) => rule))].sort().join(", ");
  const told = warnings.map(({ rule, text, firstLine }) => `- ${rule}: ${text} (line ${firstLine})`);
  throw new TiffinError(
    "invalid",
    "build.check",
    `lint violation found for rules: ${rules}\n${told.join("\n")}`,
  );
}
