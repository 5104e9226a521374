/** Where a client wants what is built, in the words of our builder. Archives and directories go to it through its session. */
import {
  type ClientSession,
  type Exporter,
  type SentTree,
  sendDirectory,
  sendFile,
  takesOutput,
} from "../../buildkit/mod.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { BuildOutput, CacheExport, OutputSink } from "../build/mod.ts";
import { cacheImportOf, csvFields } from "./frontend-request.ts";

export { cacheImportOf };

export interface OutputTarget {
  readonly session: ClientSession | undefined;
  /** Makes the files of a tar readable one by one; what it needs for that goes with the disposal. */
  readonly stage: (tar: AsyncIterable<Uint8Array>) => Promise<AsyncDisposable & SentTree>;
  readonly signal: AbortSignal;
}

function clientOf(target: OutputTarget, kind: string): ClientSession {
  const { session } = target;
  if (session !== undefined && takesOutput(session)) return session;
  throw new TiffinError("invalid", "buildkit.output", `the client takes no output of type ${kind}`);
}

function fileSink(target: OutputTarget, index: number, kind: string): OutputSink {
  const session = clientOf(target, kind);
  return { write: (tar) => sendFile(session, index, tar, target.signal) };
}

function directorySink(target: OutputTarget, index: number): OutputSink {
  const session = clientOf(target, "local");
  return {
    async write(tar) {
      await using tree = await target.stage(tar);
      await sendDirectory(session, index, tree, target.signal);
    },
  };
}

function isTrue(value: string | undefined): boolean {
  return value === "true" || value === "1";
}

/** @param exporters In the client's order, which their numbers are. Errors: `buildkit.output`. */
export function outputsOf(exporters: readonly Exporter[], target: OutputTarget): BuildOutput[] {
  return exporters.map(({ type, attributes }, index): BuildOutput => {
    const names = csvFields(attributes.get("name") ?? "");
    switch (type) {
      // `moby` is what Docker's own engine calls its image store.
      case "moby":
      case "image":
        return {
          kind: "image",
          names,
          push: isTrue(attributes.get("push")),
          insecure: isTrue(attributes.get("registry.insecure")),
        };
      case "oci":
      case "docker":
        return { kind: type, names, sink: fileSink(target, index, type) };
      case "tar":
        return { kind: "tar", sink: fileSink(target, index, type) };
      case "local":
        return { kind: "local", sink: directorySink(target, index) };
      default:
        throw new TiffinError(
          "invalid",
          "buildkit.output",
          `exporter ${JSON.stringify(type)} could not be found`,
          {
            remedy: "there are: image, local, tar, oci, docker",
          },
        );
    }
  });
}

/** An entry of `cache-to`. Errors: `buildkit.cache`. */
export function cacheExportOf({ type, attributes }: Exporter): CacheExport {
  if (type === "inline") return { kind: "inline" };
  const reference = attributes.get("ref") ?? "";
  const mode = attributes.get("mode") === "max" ? "max" : "min";
  const mounts = attributes.get("mounts") === "true";
  const ignoreError = attributes.get("ignore-error") === "true";
  if (type === "registry" && reference !== "") {
    return { kind: "registry", reference, mode, mounts, ignoreError };
  }
  throw new TiffinError(
    "notImplemented",
    "buildkit.cache",
    `a cache of type ${JSON.stringify(type)} cannot be written for a client`,
    { remedy: "there are: inline, registry" },
  );
}
