/** One stage, instruction by instruction: vertices over its base, a configuration, and its history as BuildKit writes it. Pure. */
import { type Escape, expandVariables, expandWord, type Lookup } from "../../../docker/dockerfile/expand.ts";
import { parseInstruction } from "../../../docker/dockerfile/lines.ts";
import { faultAt, type PlacedInstruction } from "../../../docker/dockerfile/parse-dockerfile.ts";
import { argumentsOf, instructionNames, type Stage } from "../../../docker/dockerfile/stages.ts";
import { type Changing, changeConfig, changesConfig, type ImageConfig, jsonList } from "../../image/mod.ts";
import { type Vertex, type VertexOutput, type VertexWishes, vertexOf } from "../graph/mod.ts";
import type { OutlineStep } from "../progress.ts";
import { compileCopy } from "./compile-copy.ts";
import type { CompiledStage, WrittenHistory } from "./compile-options.ts";
import { compileRun } from "./compile-run.ts";
import { MissingBase } from "./missing-base.ts";
import { ownerOf } from "./owner.ts";
import type { StageInProgress, WholeFile } from "./surroundings.ts";

const makesLayer: ReadonlySet<string> = new Set(["run", "copy", "add", "workdir"]);
const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const madeMode = 0o755;

export class StageCompiler implements StageInProgress {
  readonly whole: WholeFile;
  readonly stage: Stage;
  readonly #base: CompiledStage;
  readonly #isTarget: boolean;
  readonly #history: WrittenHistory[] = [];
  /** In the order of their `ARG`s. */
  readonly declared = new Map<string, string | undefined>();
  readonly outline: OutlineStep[] = [];
  #root: VertexOutput | undefined;
  #changing: Changing;
  #author: string;
  #step = 0;
  #steps = 0;

  constructor(whole: WholeFile, stage: Stage, base: CompiledStage, isTarget: boolean) {
    this.whole = whole;
    this.stage = stage;
    this.#base = base;
    this.#isTarget = isTarget;
    this.#root = base.root;
    this.#author = base.author;
    this.#changing = {
      config: withPath(base.config),
      commandSet: false,
      variables: (name) => this.declared.get(name) ?? base.declared.get(name),
      escape: whole.options.file.escape,
    };
  }

  get inherited(): ReadonlyMap<string, string | undefined> {
    return this.#base.declared;
  }

  get config(): ImageConfig {
    return this.#changing.config;
  }

  get root(): VertexOutput | undefined {
    return this.#root;
  }

  get escape(): Escape {
    return this.whole.options.file.escape;
  }

  get ignoreCache(): boolean {
    const { noCache, noCacheStages } = this.whole.options;
    return noCache || (this.stage.name !== undefined && noCacheStages.includes(this.stage.name));
  }

  run(): CompiledStage {
    const instructions = [...this.#triggers(), ...this.stage.instructions];
    const hasBase = this.stage.base.kind === "image" && this.#root !== undefined;
    this.#steps = instructions.filter(({ name }) => makesLayer.has(name)).length + (hasBase ? 1 : 0);
    if (hasBase) this.#nameBase();
    this.outline.push({
      text: instructionText(this.stage.from),
      vertex: hasBase ? this.#root?.vertex.digest : undefined,
    });
    for (const instruction of instructions) {
      try {
        const before = this.#root;
        this.#do(instruction);
        const vertex = this.#root === before ? undefined : this.#root?.vertex.digest;
        this.outline.push({ text: instructionText(instruction), vertex });
      } catch (thrown) {
        if (thrown instanceof MissingBase) throw thrown;
        throw faultAt(thrown, instruction);
      }
    }
    const { baseHistory, history, platform } = this.#base;
    return {
      root: this.#root,
      config: this.config,
      declared: new Map([...this.#base.declared, ...this.declared]),
      baseHistory,
      history: [...history, ...this.#history],
      author: this.#author,
      platform,
    };
  }

  /** What a variable stands for: the environment first, then arguments. */
  readonly lookup: Lookup = (name) => {
    const entry = this.config.Env?.findLast((one) => one.startsWith(`${name}=`));
    return entry?.slice(name.length + 1) ?? this.declared.get(name) ?? this.#base.declared.get(name);
  };

  readonly expand = (word: string): string => expandWord(word, this.lookup, this.escape);

  /** A vertex of this stage, named and placed. */
  vertex(
    instruction: PlacedInstruction,
    shown: string,
    wishes: Pick<VertexWishes, "operation" | "inputs">,
  ): Vertex {
    const { firstLine, lastLine } = instruction;
    return vertexOf({
      ...wishes,
      name: this.title(shown),
      ignoreCache: this.ignoreCache,
      lines: { first: firstLine, last: lastLine },
    });
  }

  title(shown: string): string {
    return `[${this.#prefix()}${this.#step}/${this.#steps}] ${this.#shown(shown)}`;
  }

  became(root: VertexOutput, createdBy: string): void {
    this.#root = root;
    this.#history.push({ createdBy, emptyLayer: false });
  }

  #prefix(): string {
    const { platformPrefix } = this.whole.options;
    const platform = platformPrefix === "" ? "" : `${platformPrefix} `;
    if (!this.whole.hasSeveralStages && this.stage.name === undefined) return platform;
    return `${platform}${this.stage.name ?? `stage-${this.stage.index}`} `;
  }

  #shown(text: string): string {
    try {
      return expandVariables(text, this.lookup, this.escape);
    } catch {
      return text;
    }
  }

  #nameBase(): void {
    const root = this.#root;
    if (root === undefined || this.stage.base.kind !== "image") return;
    this.#step += 1;
    const { firstLine, lastLine } = this.stage.from;
    const name = `[${this.#prefix()}${this.#step}/${this.#steps}] FROM ${this.stage.base.name}`;
    this.#root = { ...root, vertex: { ...root.vertex, name, lines: { first: firstLine, last: lastLine } } };
  }

  /** What the base has for who builds on it. */
  #triggers(): PlacedInstruction[] {
    const triggers = this.config.OnBuild ?? [];
    if (triggers.length === 0 || this.stage.base.kind === "stage") return [];
    const { OnBuild: _done, ...config } = this.config;
    this.#changing = { ...this.#changing, config };
    const { firstLine, lastLine } = this.stage.from;
    return triggers.map((trigger) => ({
      ...parseInstruction(trigger, this.escape),
      firstLine,
      lastLine,
      hereDocuments: [],
      tail: "",
    }));
  }

  #do(instruction: PlacedInstruction): void {
    const { name, written } = instruction;
    if (makesLayer.has(name) && !(name === "workdir" && this.#workdirOf(instruction) === "/"))
      this.#step += 1;
    if (name === "run") compileRun(this, instruction);
    else if (name === "copy" || name === "add") compileCopy(this, instruction);
    else if (name === "workdir") this.#workdir(instruction);
    else if (name === "arg") this.#arg(instruction);
    else if (name === "shell") this.#shell(instruction);
    else if (name === "maintainer") {
      this.#author = instruction.rest;
      this.#note(`MAINTAINER ${instruction.rest}`);
    } else if (changesConfig(name)) {
      const { changing, says } = changeConfig(instruction, this.#changing);
      const before = this.#changing;
      this.#changing =
        name === "cmd" ? { ...changing, config: { ...changing.config, ArgsEscaped: true } } : changing;
      // What others are to do is no history of this one.
      if (name !== "onbuild") this.#note(name === "expose" ? exposeText(instruction, before) : says);
    } else if (instructionNames.has(name)) throw new Error(`${written.toUpperCase()} does not belong here`);
    else throw new Error(`unknown instruction: ${written.toUpperCase()}`);
  }

  #note(createdBy: string): void {
    this.#history.push({ createdBy, emptyLayer: true });
  }

  #arg(instruction: PlacedInstruction): void {
    const { globals, predefined, consumed, options } = this.whole;
    const pairs = argumentsOf(instruction, this.lookup);
    for (const [name, value] of pairs) {
      consumed.add(name);
      this.declared.set(name, options.arguments(name) ?? value ?? globals.get(name) ?? predefined(name));
    }
    this.#note(
      `ARG ${pairs.map(([name, value]) => (value === undefined ? name : `${name}=${value}`)).join(" ")}`,
    );
  }

  #shell({ rest, flags }: PlacedInstruction): void {
    const shell = jsonList(rest);
    if (flags.length > 0) throw new Error(`unknown flag: --${flags[0]?.split("=", 1)[0]}`);
    if (shell === undefined) throw new Error(`SHELL requires the arguments to be in JSON form`);
    if (shell.length === 0) throw new Error("SHELL requires at least one argument");
    this.#changing = { ...this.#changing, config: { ...this.config, Shell: shell } };
    this.#note(`SHELL [${shell.join(" ")}]`);
  }

  #workdirOf(instruction: PlacedInstruction): string {
    return changeConfig(instruction, this.#changing).changing.config.WorkingDir ?? "/";
  }

  #workdir(instruction: PlacedInstruction): void {
    const { changing, says } = changeConfig(instruction, this.#changing);
    this.#changing = changing;
    const path = this.config.WorkingDir ?? "/";
    if (path === "/") {
      this.#note(says);
      return;
    }
    const root = this.#root;
    const { User: user = "" } = this.config;
    const vertex = this.vertex(instruction, `WORKDIR ${instruction.rest}`, {
      operation: {
        kind: "files",
        actions: [
          {
            kind: "makeDirectory",
            on: { kind: "input", index: root === undefined ? -1 : 0 },
            path,
            mode: madeMode,
            parents: true,
            // It is whose the steps are that work in it.
            ...(user !== "" && { owner: ownerOf(user) }),
          },
        ],
      },
      inputs: root === undefined ? [] : [root],
    });
    this.became({ vertex, output: 0 }, says);
  }

  /** Those of the client, over those of the Dockerfile. */
  withClientLabels(result: CompiledStage): CompiledStage {
    const { labels } = this.whole.options;
    if (!this.#isTarget || Object.keys(labels).length === 0) return result;
    return { ...result, config: { ...result.config, Labels: { ...result.config.Labels, ...labels } } };
  }
}

/** As Go prints the set of an instruction's ports. */
function exposeText(instruction: PlacedInstruction, before: Changing): string {
  const { Env = [] } = before.config;
  const alone = changeConfig(instruction, { ...before, config: { Env } }).changing.config.ExposedPorts ?? {};
  return `EXPOSE map[${Object.keys(alone)
    .sort()
    .map((port) => `${port}:{}`)
    .join(" ")}]`;
}

/** As it stands in the Dockerfile. */
export function instructionText({ written, flags, rest }: PlacedInstruction): string {
  return [written.toUpperCase(), ...flags.map((flag) => `--${flag}`), rest].join(" ").trimEnd();
}

/** Every stage has a search path, and so has what is made of it. */
function withPath(config: ImageConfig): ImageConfig {
  if (config.Env?.some((entry) => entry.startsWith("PATH="))) return config;
  return { ...config, Env: [...(config.Env ?? []), defaultPath] };
}
