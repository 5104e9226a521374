/** What a creation does about an image that is not there. */
import { EngineError, foreignErrorCode } from "../client/api-error.ts";
import type { EngineContext } from "./context.ts";
import { pullImage } from "./pull.ts";

const imageCodes = ["image.not-found", "image.platform", "image.damaged"];

/** An engine that gives no codes says "not found" to a creation only for its image. */
function isMissing(thrown: unknown): boolean {
  if (!(thrown instanceof EngineError)) return false;
  return imageCodes.includes(thrown.code) || (thrown.code === foreignErrorCode && thrown.kind === "notFound");
}

export interface WantedImage {
  readonly pull?: "missing" | "always" | "never" | undefined;
  readonly platform?: string | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** Performs `attempt`, and pulls before it or after it has failed for the image, as `wanted.pull` says. */
export async function withImage<T>(
  context: EngineContext,
  image: string,
  wanted: WantedImage,
  attempt: () => Promise<T>,
): Promise<T> {
  const { pull = "missing", platform, signal } = wanted;
  const options = { ...(platform !== undefined && { platform }), ...(signal !== undefined && { signal }) };
  if (pull === "always") await pullImage(context, image, options);
  try {
    return await attempt();
  } catch (thrown) {
    if (pull !== "missing" || !isMissing(thrown)) throw thrown;
  }
  await pullImage(context, image, options);
  return await attempt();
}
