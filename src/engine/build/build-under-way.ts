/** A build from its request to its image: what all of its steps share. */
import type { Lookup } from "../../docker/dockerfile/expand.ts";
import type { Dockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import type { Image } from "../image/mod.ts";
import type { BuildContext, ReportBuild } from "./build-context.ts";
import type { BuildPlace } from "./build-place.ts";
import type { BuildRequest } from "./build-request.ts";

export const shortIdLength = 12;

/** What a build knows beside its stages. */
export interface BuildUnderWay {
  readonly context: BuildContext;
  readonly place: BuildPlace;
  readonly request: BuildRequest;
  readonly file: Dockerfile;
  readonly report: ReportBuild;
  readonly signal: AbortSignal;
  /** `ARG`s before the first stage. */
  readonly globals: ReadonlyMap<string, string | undefined>;
  readonly predefined: Lookup;
  /** Arguments that an `ARG` has taken. */
  readonly consumed: Set<string>;
  readonly steps: { done: number; readonly total: number };
  /** The image that a stage came to, or that a name means. */
  imageFrom(name: string): Promise<Image>;
}

export function shortOf({ id }: Pick<Image, "id">): string {
  return id.slice("sha256:".length).slice(0, shortIdLength);
}
