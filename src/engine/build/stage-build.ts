/**
 * One stage of a build, instruction by instruction, as Docker's classic builder does it: each comes to an image over the one
 * before, which is what the cache remembers. A step that runs a program is an ordinary container whose changes become a layer.
 */
import { expandVariables, expandWord, type Lookup } from "../../docker/dockerfile/expand.ts";
import { parseInstruction, quotedWords } from "../../docker/dockerfile/lines.ts";
import {
  faultAt,
  hereDocumentText,
  type PlacedInstruction,
  parseHereDocument,
} from "../../docker/dockerfile/parse-dockerfile.ts";
import { argumentsOf, instructionNames, type Stage } from "../../docker/dockerfile/stages.ts";
import { nowMs } from "../../lib/clock.ts";
import { own } from "../../lib/own.ts";
import type { OciImageConfig } from "../../oci/mod.ts";
import {
  type Changing,
  changeConfig,
  changesConfig,
  type Image,
  type ImageConfig,
  jsonList,
  shellOf,
  withoutEmptyCommand,
} from "../image/mod.ts";
import { notDoneYet } from "./build-error.ts";
import { type BuildUnderWay, shortOf } from "./build-under-way.ts";
import { copyFiles, makeDirectoryStep } from "./copy-step.ts";
import { runProgram } from "./run-program.ts";
import { stepKey } from "./step-cache.ts";

/** Arguments that need no `ARG` and are neither in the history nor in the cache's keys. */
const proxyNames: ReadonlySet<string> = new Set(
  ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);

const encoder = new TextEncoder();

export class StageBuild {
  readonly #build: BuildUnderWay;
  #image: Image;
  #changing: Changing;
  readonly #arguments = new Map<string, string | undefined>();
  #maintainer = "";

  /** `base` is what the stage begins with. */
  constructor(build: BuildUnderWay, base: Image) {
    this.#build = build;
    this.#image = base;
    this.#changing = {
      config: withPath(base.config),
      commandSet: false,
      variables: (name) => this.#arguments.get(name),
      escape: build.file.escape,
    };
  }

  get image(): Image {
    return this.#image;
  }

  get config(): ImageConfig {
    return this.#changing.config;
  }

  /** The triggers that the base has for who builds on it, then the stage's own instructions. */
  async run(stage: Stage): Promise<Image> {
    const { report, signal } = this.#build;
    const triggers = this.config.OnBuild ?? [];
    if (triggers.length > 0) {
      report({ stream: `# Executing ${triggers.length} build trigger${triggers.length === 1 ? "" : "s"}\n` });
      const { OnBuild: _, ...config } = this.config;
      this.#changing = { ...this.#changing, config };
      for (const trigger of triggers) {
        const instruction = parseInstruction(trigger, this.#build.file.escape);
        const { firstLine, lastLine } = stage.from;
        await this.#placed({ ...instruction, firstLine, lastLine, hereDocuments: [], tail: "" });
      }
    }
    for (const instruction of stage.instructions) {
      signal.throwIfAborted();
      const { steps } = this.#build;
      steps.done += 1;
      report({ stream: `Step ${steps.done}/${steps.total} : ${textOf(instruction)}\n` });
      await this.#placed(instruction);
    }
    return this.#image;
  }

  async #placed(instruction: PlacedInstruction): Promise<void> {
    try {
      await this.#do(instruction);
    } catch (thrown) {
      throw faultAt(thrown, instruction);
    }
    this.#build.report({ stream: ` ---> ${shortOf(this.#image)}\n` });
  }

  async #do(instruction: PlacedInstruction): Promise<void> {
    const { name, written } = instruction;
    if (name === "run") await this.#runStep(instruction);
    else if (name === "copy" || name === "add") await this.#copy(instruction);
    else if (name === "workdir") await this.#workdir(instruction);
    else if (name === "arg") this.#arg(instruction);
    else if (name === "shell") this.#shell(instruction);
    else if (name === "maintainer") {
      this.#maintainer = instruction.rest;
      this.#note(`MAINTAINER ${instruction.rest}`);
    } else if (changesConfig(name)) {
      const { changing, says } = changeConfig(instruction, this.#changing);
      this.#changing = changing;
      this.#note(says);
    } else if (instructionNames.has(name)) throw new Error(`${written.toUpperCase()} does not belong here`);
    else throw new Error(`unknown instruction: ${written.toUpperCase()}`);
  }

  #arg(instruction: PlacedInstruction): void {
    const { request, globals, predefined, consumed } = this.#build;
    const pairs = argumentsOf(instruction, this.lookup);
    for (const [name, value] of pairs) {
      consumed.add(name);
      this.#arguments.set(
        name,
        own(request.arguments, name) ?? value ?? globals.get(name) ?? predefined(name),
      );
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

  /** What a variable stands for: the environment first, then arguments. */
  readonly lookup: Lookup = (name) => {
    const entry = this.config.Env?.findLast((one) => one.startsWith(`${name}=`));
    return entry?.slice(name.length + 1) ?? this.#arguments.get(name);
  };

  /** An instruction that changes the configuration alone. */
  #note(says: string): void {
    this.#finish(this.#historyOf(` ${says}`), [], () => this.#childWithoutLayer(this.#historyOf(` ${says}`)));
  }

  #historyOf(says: string): string {
    return [...shellOf(this.config), "#(nop)"].join(" ").concat(" ", says);
  }

  #finish(createdBy: string, further: readonly string[], make: () => string): void {
    const key = this.#keyOf(createdBy, further);
    if (!this.#cached(key)) this.#became(make(), key);
  }

  #keyOf(createdBy: string, further: readonly string[]): string {
    return stepKey({
      parent: this.#image.id,
      createdBy,
      config: this.config,
      further: [this.#maintainer, ...further],
    });
  }

  /** Takes what an equal step came to before, if that is still there. */
  #cached(key: string): boolean {
    const { context, request, report } = this.#build;
    if (request.noCache) return false;
    const id = context.cache.imageOf(key);
    const image = id === undefined ? undefined : context.images.byId(id);
    if (image === undefined) return false;
    report({ stream: " ---> Using cache\n" });
    this.#image = image;
    return true;
  }

  #became(id: string, key: string): void {
    const { context } = this.#build;
    const image = context.images.byId(id);
    if (image === undefined) throw new Error(`the image of a step is gone: ${id}`);
    context.cache.put(key, id);
    this.#image = image;
  }

  #childWithoutLayer(createdBy: string): string {
    const { images } = this.#build.context;
    const parent = this.#image;
    const created = new Date(nowMs()).toISOString();
    const author = this.#maintainer === "" ? parent.author : this.#maintainer;
    const document: OciImageConfig = {
      created,
      ...(author !== "" && { author }),
      architecture: parent.architecture,
      ...(parent.variant !== "" && { variant: parent.variant }),
      os: parent.os,
      ...(parent.osVersion !== "" && { "os.version": parent.osVersion }),
      config: withoutEmptyCommand(this.config),
      rootfs: { type: "layers", diff_ids: parent.chain.map((id) => `sha256:${id}`) },
      history: [
        ...parent.history,
        { created, ...(author !== "" && { author }), created_by: createdBy, empty_layer: true },
      ],
    };
    const configuration = encoder.encode(JSON.stringify(document));
    return images.add({ configuration, parent: parent.id }).image.id;
  }

  async #workdir(instruction: PlacedInstruction): Promise<void> {
    const { changing, says } = changeConfig(instruction, this.#changing);
    this.#changing = changing;
    const createdBy = this.#historyOf(says);
    const key = this.#keyOf(createdBy, []);
    if (this.#cached(key)) return;
    const directory = this.config.WorkingDir ?? "/";
    const id = await makeDirectoryStep(this.#build, this.#image, directory, this.#commit(createdBy));
    this.#became(id, key);
  }

  #commit(createdBy: string): {
    readonly config: ImageConfig;
    readonly createdBy: string;
    readonly author: string;
  } {
    const author = this.#maintainer === "" ? this.#image.author : this.#maintainer;
    return { config: withoutEmptyCommand(this.config), createdBy, author };
  }

  async #copy(instruction: PlacedInstruction): Promise<void> {
    const { name, hereDocuments, rest } = instruction;
    const { place, file } = this.#build;
    const flags = copyFlags(instruction, this.lookup);
    const words = (jsonList(rest) ?? quotedWords(rest, file.escape)).map((word) =>
      parseHereDocument(word) === undefined ? expandWord(word, this.lookup, file.escape) : word,
    );
    const destination = words.pop();
    if (destination === undefined || words.length === 0) {
      throw new Error(
        `${name.toUpperCase()} requires at least two arguments, but only ${words.length + (destination === undefined ? 0 : 1)} was provided`,
      );
    }
    const own = new Map(
      hereDocuments.map((here) => {
        const text = hereDocumentText(here);
        const content = here.expand ? expandVariables(text, this.lookup, file.escape) : text;
        return [here.name, { directory: place.fileOfItsOwn(here.name, content) }] as const;
      }),
    );
    const sources = words.map((word) => {
      const here = parseHereDocument(word);
      const found = here === undefined ? undefined : own.get(here.name);
      return here === undefined || found === undefined ? { pattern: word } : { pattern: here.name, ...found };
    });
    await copyFiles(
      this.#build,
      this.#image,
      { instruction: name, sources, destination, directory: this.config.WorkingDir ?? "/", ...flags },
      (says) => {
        const createdBy = this.#historyOf(says);
        const key = this.#keyOf(createdBy, [flags.mode === undefined ? "" : String(flags.mode)]);
        if (this.#cached(key)) return undefined;
        return { ...this.#commit(createdBy), became: (id: string) => this.#became(id, key) };
      },
    );
  }

  async #runStep(instruction: PlacedInstruction): Promise<void> {
    const { request } = this.#build;
    const command = commandOf(instruction, this.config);
    const { network } = runFlags(instruction, this.lookup);
    const declared = [...this.#arguments].flatMap(([name, value]) =>
      value === undefined || this.#inEnvironment(name) ? [] : [`${name}=${value}`],
    );
    const shown = declared.filter((entry) => !proxyNames.has(entry.split("=", 1)[0] ?? "")).sort();
    const proxies = Object.entries(request.arguments)
      .filter(([name]) => proxyNames.has(name) && !this.#arguments.has(name))
      .map(([name, value]) => `${name}=${value}`);
    for (const name of proxyNames) this.#build.consumed.add(name);
    const createdBy = [...(shown.length === 0 ? [] : [`|${shown.length}`, ...shown]), ...command].join(" ");
    const key = this.#keyOf(createdBy, [network ?? "", JSON.stringify(command)]);
    if (this.#cached(key)) return;
    const id = await runProgram(this.#build, this.#image, {
      command,
      environment: [...new Set([...proxies, ...declared, ...(this.config.Env ?? [])])],
      config: this.config,
      network,
      commit: this.#commit(createdBy),
    });
    this.#became(id, key);
  }

  #inEnvironment(name: string): boolean {
    return this.config.Env?.some((entry) => entry.startsWith(`${name}=`)) ?? false;
  }
}

const defaultPath = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/** Every stage has a search path, and so has what is made of it. */
function withPath(config: ImageConfig): ImageConfig {
  if (config.Env?.some((entry) => entry.startsWith("PATH="))) return config;
  return { ...config, Env: [...(config.Env ?? []), defaultPath] };
}

/** As it is shown before it is done. */
export function textOf({ written, flags, rest }: PlacedInstruction): string {
  return [written.toUpperCase(), ...flags.map((flag) => `--${flag}`), rest].join(" ").trimEnd();
}

/** The words of a program, with the shell where it is text. */
function commandOf({ rest, hereDocuments, tail }: PlacedInstruction, config: ImageConfig): string[] {
  const [only, ...more] = hereDocuments;
  if (only === undefined) {
    if (rest === "") throw new Error("RUN requires at least one argument");
    return jsonList(rest) ?? [...shellOf(config), rest];
  }
  // Nothing but a here-document: it is the script.
  if (more.length === 0 && parseHereDocument(rest) !== undefined) {
    const script = hereDocumentText(only);
    if (script.startsWith("#!")) throw notDoneYet("a here-document that names its interpreter");
    return [...shellOf(config), script];
  }
  return [...shellOf(config), `${rest}\n${tail}`];
}

interface RunFlags {
  readonly network: string | undefined;
}

function runFlags({ flags }: PlacedInstruction, lookup: Lookup): RunFlags {
  let network: string | undefined;
  for (const flag of flags) {
    const { name, value } = splitFlag(flag);
    if (name === "mount") throw notDoneYet("RUN --mount");
    if (name === "network") {
      const wanted = expandWord(value, lookup);
      if (!["default", "none", "host"].includes(wanted))
        throw new Error(`invalid network mode ${JSON.stringify(wanted)}`);
      network = wanted === "default" ? undefined : wanted;
    } else if (name === "security") {
      if (value !== "sandbox") throw notDoneYet(`RUN --security=${value}`);
    } else throw new Error(`unknown flag: --${name}`);
  }
  return { network };
}

interface CopyFlags {
  readonly from: string | undefined;
  readonly owner: string | undefined;
  readonly mode: number | undefined;
}

const largestMode = 0o7777;

function copyFlags({ name: instruction, flags }: PlacedInstruction, lookup: Lookup): CopyFlags {
  let from: string | undefined;
  let owner: string | undefined;
  let mode: number | undefined;
  for (const flag of flags) {
    const { name, value } = splitFlag(flag);
    if (name === "from" && instruction === "copy") from = value;
    else if (name === "chown") owner = expandWord(value, lookup);
    else if (name === "chmod") {
      const text = expandWord(value, lookup);
      mode = /^[0-7]{1,5}$/.test(text) ? Number.parseInt(text, 8) : Number.NaN;
      if (!(mode <= largestMode))
        throw new Error(
          `invalid chmod parameter: '${text}'. it should be octal string and between 0 and 07777`,
        );
    } else if (["link", "parents", "exclude", "checksum", "keep-git-dir", "unpack"].includes(name)) {
      throw notDoneYet(`${instruction.toUpperCase()} --${name}`);
    } else throw new Error(`unknown flag: --${name}`);
  }
  return { from, owner: owner === "" ? undefined : owner, mode };
}

function splitFlag(flag: string): { readonly name: string; readonly value: string } {
  const equals = flag.indexOf("=");
  return equals === -1
    ? { name: flag, value: "" }
    : { name: flag.slice(0, equals), value: flag.slice(equals + 1) };
}
