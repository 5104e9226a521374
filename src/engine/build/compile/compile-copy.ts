/** `COPY` and `ADD` as vertices. Pure. */
import { expandVariables } from "../../../docker/dockerfile/expand.ts";
import { quotedWords } from "../../../docker/dockerfile/lines.ts";
import {
  hereDocumentText,
  type PlacedInstruction,
  parseHereDocument,
} from "../../../docker/dockerfile/parse-dockerfile.ts";
import { jsonList } from "../../image/mod.ts";
import {
  type CopyOptions,
  type FileAction,
  type FileOperand,
  type VertexOutput,
  vertexOf,
} from "../graph/mod.ts";
import { type CopyFlags, copyFlags } from "./copy-flags.ts";
import { ownerOf } from "./owner.ts";
import { type RemoteAddress, remoteAddress } from "./remote-source.ts";
import type { StageInProgress } from "./surroundings.ts";

export function compileCopy(stage: StageInProgress, instruction: PlacedInstruction): void {
  const { name } = instruction;
  const title = name.toUpperCase();
  const flags = copyFlags(name, instruction.flags, stage.expand);
  const words = wordsOf(stage, instruction);
  const destination = words.pop();
  if (destination === undefined || words.length === 0) {
    const count = words.length + (destination === undefined ? 0 : 1);
    throw new Error(`${title} requires at least two arguments, but only ${count} was provided`);
  }
  if (words.length > 1 && !/(?:^|\/)\.?$/.test(destination)) {
    throw new Error(
      `When using ${title} with more than one source file, the destination must be a directory and end with a /`,
    );
  }
  const step = new CopyStep(stage, instruction, flags);
  const whole = destination.startsWith("/")
    ? destination
    : `${stage.config.WorkingDir ?? "/"}/${destination}`;
  for (const word of words) step.add(word, whole);
  const shown = [title, ...instruction.flags.map((flag) => `--${flag}`), ...words, destination].join(" ");
  const vertex = step.vertex(shown);
  const said = [title, ...saidFlags(flags), ...words, destination, "# buildkit"].join(" ");
  stage.became({ vertex, output: 0 }, said);
}

/** Those that an image's history tells. */
function saidFlags({ owner, mode, parents }: CopyFlags): string[] {
  return [
    ...(parents ? ["--parents"] : []),
    ...(owner === "" ? [] : [`--chown=${owner}`]),
    ...(mode === "" ? [] : [`--chmod=${mode}`]),
  ];
}

function wordsOf(stage: StageInProgress, { rest }: PlacedInstruction): string[] {
  return (jsonList(rest) ?? quotedWords(rest, stage.escape)).map((word) =>
    parseHereDocument(word) === undefined ? stage.expand(word) : word,
  );
}

const fetchedMode = "0600";
const documentMode = 0o644;

class CopyStep {
  readonly #stage: StageInProgress;
  readonly #instruction: PlacedInstruction;
  readonly #flags: CopyFlags;
  readonly #inputs: VertexOutput[] = [];
  readonly #actions: FileAction[] = [];
  readonly #on: FileOperand;

  constructor(stage: StageInProgress, instruction: PlacedInstruction, flags: CopyFlags) {
    this.#stage = stage;
    this.#instruction = instruction;
    this.#flags = flags;
    // With --link it is a layer of its own, which needs nothing of what is below.
    this.#on = { kind: "input", index: flags.link ? -1 : this.#input(stage.root) };
  }

  add(word: string, destination: string): void {
    const here = parseHereDocument(word);
    if (here !== undefined) {
      this.#document(here.name, destination);
      return;
    }
    const { name } = this.#instruction;
    const remote = name === "add" ? remoteAddress(word) : undefined;
    if (remote !== undefined) {
      this.#fetched(word, remote, destination);
      return;
    }
    const { from, checksum } = this.#flags;
    if (checksum !== "") throw new Error("checksum can't be specified for non-HTTP(S) and non-git sources");
    if (from === undefined && leadsOut(word)) {
      throw new Error(`forbidden path outside the build context: ${word} ()`);
    }
    const { whole, stage } = this.#stage;
    const files = from === undefined ? whole.mainContext() : whole.filesOf(from, stage);
    const unpack = this.#flags.unpack ?? name === "add";
    this.#copy(word, destination, this.#input(files), { unpack });
  }

  vertex(shown: string): VertexOutput["vertex"] {
    const { root } = this.#stage;
    const files = this.#stage.vertex(this.#instruction, shown, {
      operation: { kind: "files", actions: this.#actions },
      inputs: this.#inputs,
    });
    if (!this.#flags.link || root === undefined) return files;
    return vertexOf({
      name: this.#stage.title("LINK"),
      operation: { kind: "merge" },
      inputs: [root, { vertex: files, output: 0 }],
    });
  }

  #input(output: VertexOutput | undefined): number {
    if (output === undefined) return -1;
    const at = this.#inputs.findIndex(
      (one) => one.vertex.digest === output.vertex.digest && one.output === output.output,
    );
    return at === -1 ? this.#inputs.push(output) - 1 : at;
  }

  /** What the next action works on. */
  get #last(): FileOperand {
    return this.#actions.length === 0 ? this.#on : { kind: "action", index: this.#actions.length - 1 };
  }

  #copy(
    source: string,
    destination: string,
    input: number | FileOperand,
    { unpack, mode }: { readonly unpack: boolean; readonly mode?: string },
  ): void {
    const { owner, mode: wanted, exclude, parents } = this.#flags;
    const chosen = wanted === "" ? mode : wanted;
    const options: CopyOptions = {
      ...(owner !== "" && { owner: ownerOf(owner) }),
      ...(chosen !== undefined && { mode: chosen }),
      followLinks: true,
      directoryContents: true,
      unpack,
      makeDestination: true,
      wildcard: true,
      allowEmptyWildcard: true,
      include: [],
      exclude,
      parents,
    };
    this.#actions.push({
      kind: "copy",
      on: this.#last,
      from: typeof input === "number" ? { kind: "input", index: input } : input,
      source,
      destination,
      options,
    });
  }

  #document(name: string, destination: string): void {
    const document = this.#instruction.hereDocuments.find((here) => here.name === name);
    if (document === undefined) throw new Error(`a here-document that is not there: ${name}`);
    const stage = this.#stage;
    const text = hereDocumentText(document);
    const content = document.expand ? expandVariables(text, stage.lookup, stage.escape) : text;
    const vertex = vertexOf({
      name: "[internal] preparing inline document",
      operation: {
        kind: "files",
        actions: [
          {
            kind: "makeFile",
            on: { kind: "input", index: -1 },
            path: `/${name}`,
            mode: documentMode,
            content: new TextEncoder().encode(content),
          },
        ],
      },
      inputs: [],
    });
    this.#copy(`/${name}`, destination, this.#input({ vertex, output: 0 }), { unpack: false });
  }

  #fetched(word: string, remote: RemoteAddress, destination: string): void {
    const { checksum, keepGitDirectory, unpack = false } = this.#flags;
    if (remote.kind === "git") {
      if (checksum !== "" && remote.checksum !== undefined && checksum !== remote.checksum) {
        throw new Error(`the checksum of ${word} is said twice, and not the same`);
      }
      const vertex = vertexOf({
        name: `[git] ${word}`,
        operation: {
          ...remote,
          keepGitDirectory: keepGitDirectory || remote.keepGitDirectory === true,
          ...(checksum !== "" && { checksum }),
        },
        inputs: [],
        ignoreCache: this.#stage.ignoreCache,
      });
      this.#copy("/", destination, this.#input({ vertex, output: 0 }), { unpack: false });
      return;
    }
    const vertex = vertexOf({
      name: `[fetch] ${word}`,
      operation: { kind: "http", url: remote.url, ...(checksum !== "" && { checksum }) },
      inputs: [],
      ignoreCache: this.#stage.ignoreCache,
    });
    this.#copy("/*", destination, this.#input({ vertex, output: 0 }), {
      unpack,
      ...(!unpack && { mode: fetchedMode }),
    });
  }
}

function leadsOut(pattern: string): boolean {
  let depth = 0;
  for (const part of pattern.split("/")) {
    if (part === "..") depth -= 1;
    else if (part !== "" && part !== ".") depth += 1;
    if (depth < 0) return true;
  }
  return false;
}
