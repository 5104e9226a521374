/** A build's messages: of a directory that the engine reads where it is if it can, of all that is sent otherwise. */
import type { ApiClient, CallOf, LineOf } from "../../client/api-client.ts";
import { EngineError } from "../../client/api-error.ts";
import { namedDirectory } from "../../client/named-directory.ts";
import type { NamedDirectories } from "../../docker/types/build.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { CliContext } from "../context.ts";
import type { CliIo } from "../io.ts";
import type { BuildInput } from "./build-input.ts";

type Wishes = Pick<CallOf<"build">, "query" | "headers">;

const notInPlace = "build.not-in-place";

export async function* buildLines(
  context: CliContext,
  api: ApiClient<ByteDuplex>,
  input: BuildInput,
  {
    further,
    ...wishes
  }: Wishes & {
    /** Other contexts that are directories, by their names. */
    readonly further: ReadonlyMap<string, string>;
  },
): AsyncGenerator<LineOf<"build">> {
  const directories = new Map([
    ...(input.directory === undefined ? [] : [["", input.directory.path] as const]),
    ...further,
  ]);
  const inPlace =
    context.endpoint().kind === "unix" ? inPlaceCall(context.io, input, directories, wishes) : undefined;
  if (inPlace !== undefined) {
    try {
      yield* api.lines("buildInPlace", inPlace);
      return;
    } catch (thrown) {
      if (!isRefused(thrown)) throw thrown;
      if (further.size > 0 && thrown instanceof EngineError)
        throw new Error(`${cannotSend(further)}: ${thrown.message}`);
    }
  } else if (further.size > 0)
    throw new Error(
      `${cannotSend(further)}: it has to be an engine of this machine, and the context a directory too`,
    );
  yield* api.lines("build", { ...wishes, body: input.body() });
}

function cannotSend(further: ReadonlyMap<string, string>): string {
  return `build context ${[...further.keys()].join(", ")}: the engine has to read it where it is, and cannot`;
}

function inPlaceCall(
  io: CliIo,
  { directory, dockerfile }: BuildInput,
  directories: ReadonlyMap<string, string>,
  { query, headers }: Wishes,
): CallOf<"buildInPlace"> | undefined {
  if (directory === undefined) return undefined;
  let named: NamedDirectories | undefined;
  for (const [name, path] of directories) {
    const one = (io.namedDirectory ?? namedDirectory)(path, name);
    if (one === undefined) return undefined;
    named = { ...one, Directories: { ...named?.Directories, ...one.Directories } };
  }
  if (named === undefined) return undefined;
  const { dockerfileBody } = directory;
  return {
    query: { ...query, dockerfile: dockerfileBody === undefined ? dockerfile : undefined },
    headers: { ...headers, "x-tiffin-directories": named },
    body: dockerfileBody?.() ?? nothing(),
  };
}

/** Before anything has been done: by an engine that cannot, or one that does not know the question. */
function isRefused(thrown: unknown): boolean {
  return thrown instanceof EngineError && (thrown.code === notInPlace || isUnknownRoute(thrown));
}

function isUnknownRoute({ kind, code, message }: EngineError): boolean {
  return kind === "notFound" && (code === "api.no-route" || message.includes("page not found"));
}

async function* nothing(): AsyncGenerator<Uint8Array> {
  // An empty body.
}
