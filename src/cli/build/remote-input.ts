/** A build of what is elsewhere, which the engine fetches: a git repository, an archive, or a Dockerfile alone. */
import type { BuildInput } from "./build-input.ts";

/** As Docker tells addresses from paths. */
export function isRemotePlace(place: string): boolean {
  return /^(?:https?|git|ssh):\/\/|^git@[^/]+:|^github\.com\//.test(place);
}

export function remoteInput(file: string): BuildInput {
  return {
    dockerfile: file,
    dockerfileText: undefined,
    ignores: () => false,
    async *body() {},
  };
}
