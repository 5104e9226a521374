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
import { type BuildOutput, type CacheExport, type OutputSink, outputOf } from "../build/mod.ts";
import { cacheImportOf } from "./frontend-request.ts";

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

/** @param exporters In the client's order, which their numbers are. Errors: `build.output`, `buildkit.output`. */
export function outputsOf(exporters: readonly Exporter[], target: OutputTarget): BuildOutput[] {
  return exporters.map(({ type, attributes }, index) =>
    outputOf(
      { type, attributes },
      {
        names: [],
        strict: false,
        sink: (kind) => (kind === "local" ? directorySink(target, index) : fileSink(target, index, kind)),
      },
    ),
  );
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
