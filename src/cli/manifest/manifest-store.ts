/**
 * Lists of manifests between their creation and their push, where Docker's client keeps its own: a directory for each list below
 * `manifests` of the directory of `config.json`, and a file in it for each manifest. Either client goes on where the other was.
 */
import { errnoOf } from "../../client/api-error.ts";
import { normaliseReference, parseReference } from "../../docker/reference.ts";
import { formatExactJson } from "../../lib/exact-json.ts";
import type { CliIo } from "../io.ts";
import { configDirectory } from "../registry/config-file.ts";
import { decodeKept, fullDocument, type KeptManifest } from "./manifest-document.ts";

const directoryMode = 0o755;

function fileName(reference: string): string {
  return reference.replaceAll(":", "-").replaceAll("/", "_");
}

/** The name that a list or a manifest is known by. Throws for what is no reference. */
export function fullName(written: string): string {
  return normaliseReference(parseReference(written));
}

export class ManifestStore {
  readonly #io: CliIo;
  readonly #directory: string;

  constructor(io: CliIo) {
    this.#io = io;
    this.#directory = `${configDirectory(io)}/manifests`;
  }

  /** In the order of their names; undefined for a list that is not there. */
  list(name: string): KeptManifest[] | undefined {
    const directory = this.#of(name);
    const files = this.#io.directoryNames(directory);
    return files?.map((file) => this.#read(`${directory}/${file}`)).filter((found) => found !== undefined);
  }

  manifest(list: string, name: string): KeptManifest | undefined {
    return this.#read(`${this.#of(list)}/${fileName(name)}`);
  }

  keep(list: string, name: string, manifest: KeptManifest): void {
    const directory = this.#of(list);
    this.#io.makeDirectory(directory, directoryMode);
    using file = this.#io.beginFile(`${directory}/${fileName(name)}`);
    file.write(new TextEncoder().encode(formatExactJson(fullDocument(manifest))));
    file.finish();
  }

  remove(list: string): void {
    this.#io.removeDirectory(this.#of(list));
  }

  #of(list: string): string {
    return `${this.#directory}/${fileName(list)}`;
  }

  #read(path: string): KeptManifest | undefined {
    try {
      return decodeKept(new TextDecoder().decode(this.#io.readFile(path)), path);
    } catch (thrown) {
      if (errnoOf(thrown) === "ENOENT") return undefined;
      throw thrown;
    }
  }
}
