/** A Dockerfile may want that nothing is built of it while its checks warn (`# check=error=true`). */
import { checkDockerfile } from "../../docker/dockerfile/check-dockerfile.ts";
import type { CheckOptions } from "../../docker/dockerfile/check-warning.ts";
import { checkArgument } from "../../docker/dockerfile/check-wishes.ts";
import { parseIgnore } from "../../docker/dockerfile/ignore.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import type { ReadDockerfile } from "./read-dockerfile.ts";

/** Errors: `build.check`. */
export function failOnWarnings({ file, ignored }: ReadDockerfile, given: CheckOptions["arguments"]): void {
  // Most Dockerfiles say nothing of it, and cost nothing.
  if ((given(checkArgument) ?? file.check) === undefined) return;
  const patterns = parseIgnore(ignored.join("\n"));
  const ignores = (path: string): boolean => patterns.excludes(path) && !patterns.mayBringBack(path);
  let checked: ReturnType<typeof checkDockerfile>;
  try {
    checked = checkDockerfile(file, { arguments: given, ignores });
  } catch (thrown) {
    throw new TiffinError("invalid", "build.check", messageOf(thrown), { cause: thrown });
  }
  const { warnings, failing } = checked;
  if (!failing || warnings.length === 0) return;
  const rules = [...new Set(warnings.map(({ rule }) => rule))].sort().join(", ");
  const told = warnings.map(({ rule, text, firstLine }) => `- ${rule}: ${text} (line ${firstLine})`);
  throw new TiffinError(
    "invalid",
    "build.check",
    `lint violation found for rules: ${rules}\n${told.join("\n")}`,
  );
}
