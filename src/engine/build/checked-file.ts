/** The checks of a Dockerfile that the engine has read, with what it knows of the images that are here. */
import { checkDockerfile } from "../../docker/dockerfile/check-dockerfile.ts";
import { pageOf } from "../../docker/dockerfile/check-rules.ts";
import type { CheckedBase, CheckOptions, CheckWarning } from "../../docker/dockerfile/check-warning.ts";
import { parseIgnore } from "../../docker/dockerfile/ignore.ts";
import type { Dockerfile } from "../../docker/dockerfile/parse-dockerfile.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { formatPlatform } from "../../oci/mod.ts";
import type { ImageStore } from "../image/mod.ts";
import type { WarningEvent } from "./progress.ts";
import type { ReadDockerfile } from "./read-dockerfile.ts";

export interface CheckedFile {
  readonly file: Dockerfile;
  readonly name: string;
  readonly lines: readonly string[];
  readonly warnings: readonly CheckWarning[];
  /** A build with warnings is to fail. */
  readonly failing: boolean;
}

/** Errors: `build.check`. */
export function checkedFile(
  { file, ignored, name }: ReadDockerfile,
  given: CheckOptions["arguments"],
  images?: Pick<ImageStore, "resolve">,
): CheckedFile {
  const patterns = parseIgnore(ignored.join("\n"));
  const ignores = (path: string): boolean => patterns.excludes(path) && !patterns.mayBringBack(path);
  const baseOf = (reference: string): CheckedBase | undefined => images && baseHere(images, reference);
  try {
    return { ...checkDockerfile(file, { arguments: given, ignores, baseOf }), file, name, lines: file.lines };
  } catch (thrown) {
    throw new TiffinError("invalid", "build.check", messageOf(thrown), { cause: thrown });
  }
}

/** An image that is not here is not fetched for a check. */
function baseHere(images: Pick<ImageStore, "resolve">, reference: string): CheckedBase | undefined {
  try {
    const { config, os, architecture, variant } = images.resolve(reference);
    const environment = (config.Env ?? []).map((entry) => entry.split("=", 1)[0] ?? "");
    return { environment, platform: formatPlatform({ os, architecture, variant }) };
  } catch {
    return undefined;
  }
}

/** Of no vertex: who knows under which the Dockerfile came may say so. */
export function warningEvent({ rule, text, firstLine, lastLine }: CheckWarning): WarningEvent {
  const lines = { first: firstLine, last: lastLine };
  return { kind: "warning", vertex: "", rule, text, detail: [], url: pageOf(rule), lines };
}
