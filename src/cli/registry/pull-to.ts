/** A pull as `pull`, `run` and `create` make it. */
import { parseReference } from "../../docker/reference.ts";
import type { CliContext } from "../context.ts";
import { showProgress } from "../progress-display.ts";
import { credentialsOf } from "./credentials.ts";

export interface PullCall {
  readonly image: string;
  readonly platform: string;
  /** Every tag of the repository. */
  readonly allTags?: boolean;
  readonly quiet: boolean;
  /** Where progress goes. */
  readonly fd: 1 | 2;
}

async function* nothing(): AsyncGenerator<Uint8Array> {}

/** Pulls with what the user's configuration says of the registry. */
export async function pullTo(
  context: CliContext,
  { image, platform, quiet, fd, allTags = false }: PullCall,
): Promise<void> {
  const reference = parseReference(image);
  const auth = credentialsOf(context.io, reference.domain);
  const api = await context.parallelApi();
  const lines = api.lines("imageCreate", {
    query: {
      fromImage: `${reference.domain}/${reference.path}`,
      tag: allTags ? undefined : (reference.digest ?? reference.tag ?? "latest"),
      platform: platform || undefined,
    },
    headers: auth === undefined ? {} : { "x-registry-auth": auth },
    body: nothing(),
  });
  await showProgress(context, lines, { fd, quiet });
}
