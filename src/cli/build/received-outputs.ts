/** Outputs of a build that come to the client: a directory, or an archive in a file or at standard output. */
import { outputPiece } from "../../docker/types/build.ts";
import { HostUnpacking } from "../copy/unpack-host.ts";
import type { BegunFile, CliIo } from "../io.ts";
import { outputPairs } from "./build-extras.ts";

interface Place {
  push(bytes: Uint8Array): void;
  finish(): void;
}

export class ReceivedOutputs {
  readonly #places: readonly (Place | undefined)[];

  /** `wanted` are the values of `--output`, in their order. Throws `Error` for one that leads nowhere. */
  constructor(io: CliIo, wanted: readonly string[]) {
    this.#places = wanted.map((text) => placeOf(io, text));
  }

  /** Whether the message was a piece of an output. */
  take(aux: unknown): boolean {
    if (typeof aux !== "object" || aux === null || !("TiffinOutput" in aux)) return false;
    const { TiffinOutput: index, Data } = outputPiece(aux, "");
    this.#places[index]?.push(new Uint8Array(Buffer.from(Data, "base64")));
    return true;
  }

  finish(): void {
    for (const place of this.#places) place?.finish();
  }
}

function placeOf(io: CliIo, text: string): Place | undefined {
  const pairs = outputPairs(text);
  const kind = pairs.get("type") ?? "local";
  if (["image", "registry", "cacheonly"].includes(kind)) return undefined;
  const place = pairs.get("dest") ?? pairs.get("destination") ?? (kind === "local" ? "" : "-");
  if (place === "") throw new Error(`output ${JSON.stringify(text)}: wanted dest=PLACE`);
  const path = place.startsWith("/") ? place : `${io.cwd}/${place}`;
  if (kind === "local") return directory(io, path);
  return place === "-" ? { push: (bytes) => io.write(1, bytes), finish() {} } : file(io.beginFile(path));
}

const directoryMode = 0o755;

function directory(io: CliIo, path: string): Place {
  io.callerOnly?.("a directory");
  if (io.pathKind(path) === "missing") io.makeDirectory(path, directoryMode);
  const unpacking = new HostUnpacking({
    directory: path,
    rename: { from: ".", to: undefined },
    onBytes: () => {},
  });
  return { push: (bytes) => unpacking.push(bytes), finish: () => unpacking.finish() };
}

function file(begun: BegunFile): Place {
  return {
    push: (bytes) => begun.write(bytes),
    finish: () => {
      begun.finish();
      begun[Symbol.dispose]();
    },
  };
}
