/** What `run` and `create` do about images that are not there, by their `--pull` policy. */
import { EngineError, foreignErrorCode } from "../client/api-error.ts";
import type { CliContext } from "./context.ts";

const damagedCode = "image.damaged";
/** The engine's codes for it. */
const imageCodes = ["image.not-found", "image.platform", damagedCode];
const policies = ["always", "missing", "never"];

export interface WantedImage {
  readonly image: string;
  readonly platform: string;
  /** `--pull` */
  readonly policy: string;
  readonly quiet: boolean;
}

/** With `:latest` where neither tag nor digest is given, as messages show it. */
export function withDefaultTag(reference: string): string {
  const last = reference.slice(reference.lastIndexOf("/") + 1);
  return last.includes(":") || last.includes("@") ? reference : `${reference}:latest`;
}

/** An engine that gives no codes says "not found" to a create only for its image. */
function isMissingImage(thrown: unknown): boolean {
  if (!(thrown instanceof EngineError)) return false;
  return imageCodes.includes(thrown.code) || (thrown.code === foreignErrorCode && thrown.kind === "notFound");
}

/** An id is of this host alone. */
function isId(image: string): boolean {
  return /^(?:sha256:)?[0-9a-f]{64}$/.test(image);
}

async function pull(context: CliContext, { image, platform, quiet }: WantedImage): Promise<void> {
  // Only now: a command whose image is there must not load it.
  const { pullTo } = await import("./registry/pull-to.ts");
  await pullTo(context, { image, platform, quiet, fd: 2 });
}

/** Performs `attempt`, which throws for a missing image; pulls before it or after it has, as the policy says. */
export async function withImage<T>(
  context: CliContext,
  wanted: WantedImage,
  attempt: () => Promise<T>,
): Promise<T> {
  const { image, policy } = wanted;
  if (!policies.includes(policy)) {
    throw new Error(`invalid pull option: '${policy}': must be one of "always", "missing" or "never"`);
  }
  if (policy === "always" && !isId(image)) await pull(context, wanted);
  try {
    return await attempt();
  } catch (thrown) {
    if (policy !== "missing" || !isMissingImage(thrown)) throw thrown;
    const isDamaged = thrown instanceof EngineError && thrown.code === damagedCode;
    const problem = isDamaged
      ? `${thrown.message}\n`
      : `Unable to find image '${withDefaultTag(image)}' locally\n`;
    if (!wanted.quiet) context.err(problem);
    if (isId(image)) throw thrown;
  }
  await pull(context, wanted);
  return await attempt();
}
