/** One stage of a Dockerfile under the checks: what is known of it so far, and what its instructions do with that. Pure. */
import type { CheckOptions, Warn } from "./check-warning.ts";
import { declaredNames } from "./declared-names.ts";
import { expandWord, type Lookup } from "./expand.ts";
import { quotedWords } from "./lines.ts";
import { meantName } from "./meant-name.ts";
import { type Dockerfile, type PlacedInstruction, parseHereDocument } from "./parse-dockerfile.ts";

interface StageSurroundings {
  readonly instruction: PlacedInstruction;
  readonly file: Dockerfile;
  /** Arguments before the first stage, as they are when nobody gives them. */
  readonly defaults: ReadonlyMap<string, string | undefined>;
  readonly before: readonly StageCheck[];
  readonly options: CheckOptions;
  readonly warn: Warn;
}

const reservedNames: ReadonlySet<string> = new Set(["context", "scratch"]);
const platformArguments: ReadonlySet<string> = new Set(
  ["TARGET", "BUILD"].flatMap((side) =>
    ["PLATFORM", "OS", "ARCH", "VARIANT", "OSVERSION"].map((part) => side + part),
  ),
);
const proxyArguments: ReadonlySet<string> = new Set(
  ["HTTP_PROXY", "HTTPS_PROXY", "FTP_PROXY", "NO_PROXY", "ALL_PROXY"].flatMap((name) => [
    name,
    name.toLowerCase(),
  ]),
);
const once: ReadonlySet<string> = new Set(["cmd", "entrypoint", "healthcheck"]);
const expanded: ReadonlySet<string> = new Set(
  "add copy env expose label stopsignal user volume workdir".split(" "),
);
const secretName = /(?:_|^)(?:apikey|auth|credentials?|key|password|pword|passwd|secret|token)(?:_|$)/i;
const publicName = /(?:_|^)public(?:_|$)/i;
const imageName = /^[a-z0-9][\w.:/@-]*$/i;

export class StageCheck {
  readonly name: string | undefined;
  readonly #around: StageSurroundings;
  readonly #used = new Map<string, PlacedInstruction>();
  /** Undefined: it begins with an image, whose environment nobody has asked for. */
  readonly #known: Set<string> | undefined;
  #hasShell = false;
  #hasDirectory = false;

  constructor(around: StageSurroundings) {
    this.#around = around;
    const { instruction, before } = around;
    const [base = "", as, alias] = instruction.rest.split(/\s+/);
    this.name = alias?.toLowerCase();
    this.#checkName(as, alias);
    this.#checkBase(base);
    this.#checkPlatform(alias);
    const parent = before.findLast(({ name }) => name !== undefined && name === base.toLowerCase());
    if (parent !== undefined) {
      this.#hasShell = parent.#hasShell;
      this.#hasDirectory = parent.#hasDirectory;
      this.#known = parent.#known && new Set(parent.#known);
    } else if (base === "scratch") this.#known = new Set(["PATH"]);
    else this.#known = this.#checkImage(base);
  }

  static checkSecret(instruction: PlacedInstruction, name: string, warn: Warn): void {
    if (!secretName.test(name) || publicName.test(name)) return;
    warn("SecretsUsedInArgOrEnv", instruction, instruction.name.toUpperCase(), name);
  }

  check(instruction: PlacedInstruction): void {
    const { warn } = this.#around;
    const { name } = instruction;
    const command = name.toUpperCase();
    if (name === "maintainer") warn("MaintainerDeprecated", instruction);
    else if (name === "shell") this.#hasShell = true;
    else if (name === "workdir") this.#checkDirectory(instruction);
    else if (name === "expose") this.#checkPorts(instruction);
    else if (name === "copy" || name === "add") this.#checkSources(instruction);
    if ((name === "cmd" || name === "entrypoint") && !this.#hasShell && !isJson(instruction.rest)) {
      warn("JSONArgsRecommended", instruction, command);
    }
    if (once.has(name)) {
      const earlier = this.#used.get(name);
      if (earlier !== undefined) warn("MultipleInstructionsDisallowed", earlier, command);
      this.#used.set(name, instruction);
    }
    if (expanded.has(name)) this.#checkVariables(instruction);
    if (name === "env" || name === "label") this.#checkPairs(instruction, command);
    if (name === "arg") this.#declare(instruction);
  }

  #checkName(as: string | undefined, alias: string | undefined): void {
    const { instruction, before, warn } = this.#around;
    if (as === undefined || alias === undefined) return;
    const { written } = instruction;
    const isSame =
      (isLower(as) && isLower(written)) || (as === as.toUpperCase() && written === written.toUpperCase());
    if (!isSame) warn("FromAsCasing", instruction, as, written);
    if (!isLower(alias)) warn("StageNameCasing", instruction, alias);
    const name = alias.toLowerCase();
    if (reservedNames.has(name)) warn("ReservedStageName", instruction, name);
    if (before.some((stage) => stage.name === name)) warn("DuplicateStageName", instruction, name);
  }

  #checkBase(base: string): void {
    const { instruction, defaults, warn } = this.#around;
    for (const word of [base, ...instruction.flags]) {
      for (const name of variablesIn(word, (one) => defaults.get(one), this.#around.file)) {
        if (defaults.has(name) || platformArguments.has(name)) continue;
        const meant = meantName(name, [...defaults.keys(), ...platformArguments]);
        warn("UndefinedArgInFrom", instruction, name, meant ?? "");
      }
    }
    if (!base.includes("$")) return;
    let plain = "";
    try {
      plain = expandWord(
        base,
        (name) => defaults.get(name) ?? (platformArguments.has(name) ? "any" : undefined),
      );
    } catch {
      // What is not there by itself is asked for with a message: no name comes of it.
    }
    if (!imageName.test(plain) || plain.endsWith(":")) warn("InvalidDefaultArgInFrom", instruction, base);
  }

  /** The variables of the image, where something is known of it. */
  #checkImage(written: string): Set<string> | undefined {
    const { instruction, defaults, options, warn } = this.#around;
    const { baseOf, arguments: given, platform = "" } = options;
    const image = baseOf?.(expandedBase(written, (name) => given(name) ?? defaults.get(name)));
    if (image === undefined) return undefined;
    const isOther = platform !== "" && image.platform !== platform;
    if (isOther && !instruction.flags.some((flag) => flag.startsWith("platform="))) {
      warn("InvalidBaseImagePlatform", instruction, written, platform, image.platform);
    }
    return new Set(["PATH", ...image.environment]);
  }

  #checkPlatform(alias: string | undefined): void {
    const { instruction, warn } = this.#around;
    const flag = instruction.flags.find((one) => one.startsWith("platform="));
    if (flag === undefined) return;
    const platform = flag.slice("platform=".length);
    if (/^\$(?:TARGETPLATFORM|\{TARGETPLATFORM\})$/.test(platform)) {
      warn("RedundantTargetPlatform", instruction, platform);
      return;
    }
    // A stage that is named after its platform is for that one.
    const [system = "", architecture = ""] = platform.split("/");
    const isNamed = [system, architecture].some(
      (part) => part !== "" && alias?.toLowerCase().includes(part) === true,
    );
    if (!platform.includes("$") && !isNamed) warn("FromPlatformFlagConstDisallowed", instruction, platform);
  }

  #checkDirectory(instruction: PlacedInstruction): void {
    if (/^["']?[/$]/.test(instruction.rest)) this.#hasDirectory = true;
    else if (!this.#hasDirectory) this.#around.warn("WorkdirRelativePath", instruction, instruction.rest);
  }

  #checkPorts(instruction: PlacedInstruction): void {
    const { warn } = this.#around;
    for (const port of quotedWords(instruction.rest)) {
      if (port.includes("$")) continue;
      const [, protocol = ""] = port.split("/");
      if (!isLower(protocol)) warn("ExposeProtoCasing", instruction, port);
      if (port.includes(":")) warn("ExposeInvalidFormat", instruction, port);
    }
  }

  #checkSources(instruction: PlacedInstruction): void {
    const { options, warn } = this.#around;
    if (instruction.flags.some((flag) => flag.startsWith("from="))) return;
    const command = instruction.name === "copy" ? "Copy" : "Add";
    for (const source of sourcesIn(instruction.rest).slice(0, -1)) {
      const path = source.replace(/^(?:\.?\/)+/, "").replace(/\/+$/, "");
      const isFile = path !== "" && path !== "." && !/[*?[$]|^\w+:\/\/|^git@/.test(path);
      if (!isFile || parseHereDocument(source) !== undefined) continue;
      if (options.ignores(path)) warn("CopyIgnoredFile", instruction, command, source);
    }
  }

  #checkVariables(instruction: PlacedInstruction): void {
    const known = this.#known;
    if (known === undefined) return;
    const words = [instruction.rest, ...instruction.flags].join(" ");
    for (const name of variablesIn(words, () => undefined, this.#around.file)) {
      if (known.has(name) || proxyArguments.has(name)) continue;
      this.#around.warn("UndefinedVar", instruction, name, meantName(name, known) ?? "");
    }
  }

  #checkPairs(instruction: PlacedInstruction, command: string): void {
    const words = quotedWords(instruction.rest);
    const isLegacy = words[0]?.includes("=") !== true;
    if (isLegacy) this.#around.warn("LegacyKeyValueFormat", instruction, command);
    if (command !== "ENV") return;
    for (const word of isLegacy ? words.slice(0, 1) : words) {
      const name = word.split("=", 1)[0] ?? "";
      this.#known?.add(name);
      StageCheck.checkSecret(instruction, name, this.#around.warn);
    }
  }

  #declare(instruction: PlacedInstruction): void {
    for (const name of declaredNames(instruction.rest, () => undefined).keys()) {
      this.#known?.add(name);
      StageCheck.checkSecret(instruction, name, this.#around.warn);
    }
  }
}

/** As it is when what is given is put in; what cannot be expanded is no image. */
function expandedBase(written: string, lookup: Lookup): string {
  try {
    return expandWord(written, lookup);
  } catch {
    return "";
  }
}

/** Names of variables that have to be there: those with a word of their own for when they are not are left out. */
function variablesIn(
  text: string,
  lookup: (name: string) => string | undefined,
  { escape: escapeSign }: Dockerfile,
): Set<string> {
  const names = new Set<string>();
  const withWord = new Set([...text.matchAll(/\$\{(\w+):?[-+?]/g)].map(([, name]) => name));
  try {
    expandWord(
      text,
      (name) => {
        if (!withWord.has(name) && /^\w+$/.test(name)) names.add(name);
        return lookup(name);
      },
      escapeSign,
    );
  } catch {
    // What cannot be expanded is a fault that the build tells of.
  }
  return names;
}

function sourcesIn(rest: string): string[] {
  if (!isJson(rest)) return quotedWords(rest);
  const words: unknown = JSON.parse(rest);
  return Array.isArray(words) ? words.map(String) : [];
}

function isJson(rest: string): boolean {
  if (!rest.startsWith("[")) return false;
  try {
    const words: unknown = JSON.parse(rest);
    return Array.isArray(words) && words.every((word) => typeof word === "string");
  } catch {
    return false;
  }
}

function isLower(text: string): boolean {
  return text === text.toLowerCase();
}
