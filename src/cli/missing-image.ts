/** What `run` and `create` do about images that are not there, by their `--pull` policy. */
import { EngineError, foreignErrorCode } from "../client/api-error.ts";
import { TiffinError } from "../lib/errors.ts";
import type { CliContext } from "./context.ts";

/** The engine's code for it. */
const imageNotFound = "image.not-found";

/** With `:latest` where neither tag nor digest is given, as messages show it. */
export function withDefaultTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? reference : `${reference}:latest`;
}

/** An engine that gives no codes says "not found" to a create only for its image. */
function isMissingImage(thrown: unknown): boolean {
  if (!(thrown instanceof EngineError)) return false;
  return thrown.code === imageNotFound || (thrown.code === foreignErrorCode && thrown.kind === "notFound");
}

/**
 * Performs `attempt`, which throws for a missing image. The engine has no registry to ask yet, so the policy decides only
 * what is said.
 */
export async function withImage<T>(
  context: CliContext,
  image: string,
  policy: string,
  attempt: () => Promise<T>,
): Promise<T> {
  if (policy === "always") {
    const message = `cannot pull ${withDefaultTag(image)}: this engine has no registry client`;
    const remedy = "leave out --pull to use the image that is there";
    throw new TiffinError("notImplemented", "cli.pull", message, { remedy });
  }
  try {
    return await attempt();
  } catch (thrown) {
    if (policy === "missing" && isMissingImage(thrown)) {
      context.err(`Unable to find image '${withDefaultTag(image)}' locally\n`);
    }
    throw thrown;
  }
}
