/** What a build begins with: a directory less what is left out, a tar from standard input, or a Dockerfile from there. */
import { emptyFile, endOfArchive, headerOf, padding } from "../../archive/mod.ts";
import { errnoOf } from "../../client/api-error.ts";
import { type LeftOut, packHost } from "../../client/pack-host.ts";
import { type IgnorePatterns, parseIgnore } from "../../docker/dockerfile/ignore.ts";
import { standardInput } from "../input-stream.ts";
import type { CliIo } from "../io.ts";

export interface BuildInput {
  /** Its name in the context. */
  readonly dockerfile: string;
  /** Undefined: it is in an archive, which is not looked into. */
  readonly dockerfileText: string | undefined;
  /** A path of the context is left out of it. */
  ignores(path: string): boolean;
  body(): AsyncIterable<Uint8Array>;
  /** A directory of this machine, which an engine here may read by itself. */
  readonly directory?: {
    readonly path: string;
    /** The Dockerfile when it is none of the directory's, as an archive with that alone. */
    readonly dockerfileBody?: () => AsyncIterable<Uint8Array>;
  };
}

const usualName = "Dockerfile";
const ignoreName = ".dockerignore";
/** No file of a context has it. */
const foreignName = ".dockerfile.from-elsewhere";

export async function openBuildInput(io: CliIo, place: string, file: string): Promise<BuildInput> {
  if (place === "-") {
    if (file !== "") throw new Error("the context is standard input: a Dockerfile cannot be named beside it");
    return await fromStandardInput(io);
  }
  const directory = absolute(io, place);
  if (io.pathKind(directory) !== "directory") {
    throw new Error(`unable to prepare context: path ${JSON.stringify(place)} is not a directory`);
  }
  if (file === "-")
    return fromDirectory(io, directory, { name: foreignName, text: await allOf(standardInput(io)) });
  const path = file === "" ? usualPath(io, directory) : absolute(io, file);
  const inside = path.startsWith(`${directory}/`) ? path.slice(directory.length + 1) : undefined;
  const text = (): Uint8Array => readDockerfile(io, path);
  if (inside === undefined) return fromDirectory(io, directory, { name: foreignName, text: text() });
  return fromDirectory(io, directory, { name: inside, text: text() });
}

function absolute(io: CliIo, path: string): string {
  const parts: string[] = [];
  for (const part of (path.startsWith("/") ? path : `${io.cwd}/${path}`).split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

function usualPath(io: CliIo, directory: string): string {
  const usual = `${directory}/${usualName}`;
  const lower = `${directory}/${usualName.toLowerCase()}`;
  return io.pathKind(usual) === "missing" && io.pathKind(lower) === "file" ? lower : usual;
}

function readDockerfile(io: CliIo, path: string): Uint8Array {
  try {
    return io.readFile(path);
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
    throw new Error(
      `unable to prepare context: unable to evaluate symlinks in Dockerfile path: ${path}: no such file or directory`,
    );
  }
}

interface NamedText {
  readonly name: string;
  readonly text: Uint8Array;
}

function fromDirectory(io: CliIo, directory: string, { name, text }: NamedText): BuildInput {
  const ignore = ignoreOf(io, directory, name);
  const foreign = name === foreignName;
  // The engine needs them, whatever the patterns say.
  const needed = [name, ignoreName];
  return {
    dockerfile: name,
    dockerfileText: new TextDecoder().decode(text),
    ignores: (path) => ignore.excludes(path) && !ignore.mayBringBack(path),
    directory: {
      path: directory,
      ...(foreign && {
        async *dockerfileBody() {
          yield* member(usualName, text);
          yield endOfArchive;
        },
      }),
    },
    body() {
      io.callerOnly?.("a directory");
      if (!foreign) return packHost(directory, undefined, () => {}, leaveOut(ignore, needed));
      return withForeignFile({ name, text }, directory, { ignore, ignoreText: ignoreText(io, directory) });
    },
  };
}

/** As docker's client does it: the file is sent, and the patterns say that it is no part of the context. */
async function* withForeignFile(
  { name, text }: NamedText,
  directory: string,
  { ignore, ignoreText: lines }: { readonly ignore: IgnorePatterns; readonly ignoreText: string },
): AsyncGenerator<Uint8Array> {
  yield* member(name, text);
  yield* member(ignoreName, new TextEncoder().encode(`${lines}\n${name}\n`));
  const leavesOut = leaveOut(ignore, []);
  yield* packHost(
    directory,
    undefined,
    () => {},
    (path, isDirectory) => (path === ignoreName ? "all" : leavesOut(path, isDirectory)),
  );
}

function ignoreText(io: CliIo, directory: string): string {
  try {
    return new TextDecoder().decode(io.readFile(`${directory}/${ignoreName}`));
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
    return "";
  }
}

/** Those of the Dockerfile's own name come before the context's. */
function ignoreOf(io: CliIo, directory: string, name: string): IgnorePatterns {
  for (const path of [`${directory}/${name}.dockerignore`, `${directory}/${ignoreName}`]) {
    try {
      return parseIgnore(new TextDecoder().decode(io.readFile(path)));
    } catch (thrown) {
      if (errnoOf(thrown) === undefined) throw thrown;
    }
  }
  return parseIgnore("");
}

function leaveOut(
  ignore: IgnorePatterns,
  needed: readonly string[],
): (path: string, isDirectory: boolean) => LeftOut {
  return (path, isDirectory) => {
    if (!ignore.excludes(path) || needed.includes(path)) return "nothing";
    const isLookedInto =
      isDirectory && (ignore.mayBringBack(path) || needed.some((one) => one.startsWith(`${path}/`)));
    return isLookedInto ? "itself" : "all";
  };
}

function* member(path: string, content: Uint8Array): Generator<Uint8Array> {
  yield headerOf({ ...emptyFile, path, mode: 0o644, sizeBytes: content.length });
  yield content;
  yield padding(content.length);
}

async function allOf(stream: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = [];
  for await (const piece of stream) pieces.push(new Uint8Array(piece));
  return new Uint8Array(Buffer.concat(pieces));
}

const tarMagicAt = 257;
const compressed: readonly (readonly number[])[] = [
  [0x1f, 0x8b],
  [0x28, 0xb5, 0x2f, 0xfd],
  [0x42, 0x5a, 0x68],
  [0xfd, 0x37, 0x7a, 0x58, 0x5a],
];

async function fromStandardInput(io: CliIo): Promise<BuildInput> {
  const stream = standardInput(io);
  let start = new Uint8Array(0);
  while (start.length < tarMagicAt + 5) {
    const next = await stream.next();
    if (next.done === true) break;
    start = new Uint8Array(Buffer.concat([start, next.value]));
  }
  const isTar =
    compressed.some((magic) => magic.every((byte, index) => start[index] === byte)) ||
    new TextDecoder().decode(start.subarray(tarMagicAt, tarMagicAt + 5)) === "ustar";
  async function* whole(): AsyncGenerator<Uint8Array> {
    yield start;
    yield* stream;
  }
  if (isTar) {
    return {
      dockerfile: usualName,
      dockerfileText: undefined,
      ignores: () => false,
      body: whole,
    };
  }
  const text = await allOf(whole());
  if (text.length === 0) throw new Error("unable to prepare context: standard input is empty");
  return {
    dockerfile: usualName,
    dockerfileText: new TextDecoder().decode(text),
    ignores: () => false,
    async *body() {
      yield* member(usualName, text);
      yield endOfArchive;
    },
  };
}
