/** What `run` and `create` do about images that are not there, by their `--pull` policy. */
import { EngineError } from "../client/api-error.ts";
import { TiffinError } from "../lib/errors.ts";
import type { CliContext } from "./context.ts";

/** With `:latest` where neither tag nor digest is given, as messages show it. */
export function withDefaultTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? reference : `${reference}:latest`;
}

/**
 * Performs `attempt`, which answers `notFound` for a missing image. The engine has no registry to ask yet, so the policy decides only
 * what is said.
 */
export async function withImage<T>(
  context: CliContext,
  image: string,
  policy: string,
  attempt: () => Promise<T>,
): Promise<T> {
  if (policy === "always") {
    throw new TiffinError(
      "notImplemented",
      "cli.pull",
      `cannot pull ${withDefaultTag(image)}: this engine has no registry client`,
      {
        remedy: "leave out --pull to use the image that is there",
      },
    );
  }
  try {
    return await attempt();
  } catch (thrown) {
    if (policy === "missing" && thrown instanceof EngineError && thrown.kind === "notFound") {
      context.err(`Unable to find image '${withDefaultTag(image)}' locally\n`);
    }
    throw thrown;
  }
}
