/**
 * The instructions that `commit --change` and `import --change` take, done to an image's configuration. The words of errors are
 * Docker's. Pure.
 */
import { type Escape, expandWord, expandWords, type Lookup } from "../../docker/dockerfile/expand.ts";
import {
  type Instruction,
  parseInstruction,
  parseInstructions,
  quotedWords,
} from "../../docker/dockerfile/lines.ts";
import { parseGoDuration } from "../../docker/go-duration.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { parseSignal } from "../../linux/signals.ts";
import type { OciHealthcheck } from "../../oci/mod.ts";
import type { ImageConfig } from "./image.ts";

const defaultShell = ["/bin/sh", "-c"];

/** A configuration between two instructions, and whether one of them has set the command. */
export interface Changing {
  readonly config: ImageConfig;
  readonly commandSet: boolean;
  /** Variables beside those of the environment, which come first. */
  readonly variables?: Lookup;
  readonly escape?: Escape;
}

/** What an instruction makes of a configuration, and how Docker writes it down in an image's history. */
interface Changed {
  readonly set: Partial<ImageConfig>;
  readonly says: string;
}

type Change = (instruction: Instruction, changing: Changing) => Changed;

const changes: Readonly<Record<string, Change>> = {
  cmd(instruction, { config }) {
    const command = shellOrList(instruction, config) ?? shellOf(config);
    return { set: { Cmd: command }, says: `CMD ${goList(command)}` };
  },
  entrypoint(instruction, { config, commandSet }) {
    const entrypoint = shellOrList(instruction, config);
    if (entrypoint === undefined) return { set: {}, says: "ENTRYPOINT []" };
    // A command was meant for the entry point that there was.
    const set = { Entrypoint: entrypoint, ...(!commandSet && { Cmd: [] }) };
    return { set, says: `ENTRYPOINT ${goList(entrypoint)}` };
  },
  env(instruction, changing) {
    const pairs = pairsOf(instruction, changing);
    const env = pairs.reduce(
      (before, [name, value]) => withVariable(before, name, value),
      [...(changing.config.Env ?? [])],
    );
    return { set: { Env: env }, says: `ENV ${pairs.map((pair) => pair.join("=")).join(" ")}` };
  },
  label(instruction, changing) {
    const pairs = pairsOf(instruction, changing);
    return {
      set: { Labels: { ...changing.config.Labels, ...Object.fromEntries(pairs) } },
      says: `LABEL ${pairs.map((pair) => pair.join("=")).join(" ")}`,
    };
  },
  expose(instruction, changing) {
    const words = whiteWords(atLeastOne(instruction)).flatMap((word) =>
      expandWords(word, lookupIn(changing), changing.escape),
    );
    const ports = words.flatMap(portsOf).map((port) => [port, {}] as const);
    return {
      set: { ExposedPorts: { ...changing.config.ExposedPorts, ...Object.fromEntries(ports) } },
      says: `EXPOSE ${words.toSorted().join(" ")}`,
    };
  },
  user(instruction, changing) {
    const user = expandWord(exactlyOne(instruction), lookupIn(changing), changing.escape);
    return { set: { User: user }, says: `USER ${user}` };
  },
  volume(instruction, changing) {
    const rest = atLeastOne(instruction);
    const places = (jsonList(rest) ?? whiteWords(rest)).map((word) =>
      expandWord(word, lookupIn(changing), changing.escape).trim(),
    );
    if (places.includes("")) throw new Error("VOLUME specified can not be an empty string");
    return {
      set: {
        Volumes: { ...changing.config.Volumes, ...Object.fromEntries(places.map((place) => [place, {}])) },
      },
      says: `VOLUME [${places.join(" ")}]`,
    };
  },
  workdir(instruction, changing) {
    const path = expandWord(exactlyOne(instruction), lookupIn(changing), changing.escape);
    if (path === "") throw new Error("cannot normalize nothing");
    const from = path.startsWith("/") ? "" : (changing.config.WorkingDir ?? "");
    const place = cleanPath(`/${from}/${path}`);
    return { set: { WorkingDir: place }, says: `WORKDIR ${place}` };
  },
  stopsignal(instruction, changing) {
    const signal = expandWord(exactlyOne(instruction), lookupIn(changing), changing.escape);
    if (parseSignal(signal) === undefined) throw new Error(`invalid signal: ${signal}`);
    return { set: { StopSignal: signal }, says: `STOPSIGNAL ${signal}` };
  },
  onbuild(instruction, { config }) {
    const trigger = atLeastOne(instruction);
    const name = parseInstruction(trigger).name.toUpperCase();
    if (name === "ONBUILD") throw new Error("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
    if (name === "MAINTAINER" || name === "FROM")
      throw new Error(`${name} isn't allowed as an ONBUILD trigger`);
    return { set: { OnBuild: [...(config.OnBuild ?? []), trigger] }, says: `ONBUILD ${trigger}` };
  },
  healthcheck(instruction) {
    const healthcheck = healthcheckOf(instruction);
    return { set: { Healthcheck: healthcheck }, says: `HEALTHCHECK ${goHealthcheck(healthcheck)}` };
  },
};

/** The names, in lower case, of instructions that change nothing but the configuration, and that a commit may make. */
export function changesConfig(name: string): boolean {
  return own(changes, name) !== undefined;
}

/** One instruction done, and what Docker's history says of it. Throws `Error` in Docker's words. */
export function changeConfig(
  instruction: Instruction,
  changing: Changing,
): { readonly changing: Changing; readonly says: string } {
  const change = own(changes, instruction.name);
  if (change === undefined) throw new Error(`${instruction.written} is not a valid change command`);
  if (instruction.name !== "healthcheck") refuseFlags(instruction);
  const { set, says } = change(instruction, changing);
  const config = { ...changing.config, ...set };
  return {
    changing: { ...changing, config, commandSet: changing.commandSet || instruction.name === "cmd" },
    says,
  };
}

/** Throws `TiffinError` `invalid` for what is no such instruction, or a wrong one. */
export function changedConfig(config: ImageConfig, lines: readonly string[]): ImageConfig {
  if (lines.length === 0) return config;
  try {
    const instructions = parseInstructions(lines.join("\n"));
    for (const { name, written } of instructions) {
      if (!changesConfig(name)) throw new Error(`${written} is not a valid change command`);
    }
    let changing: Changing = { config, commandSet: false };
    for (const instruction of instructions) changing = changeConfig(instruction, changing).changing;
    return withoutEmptyCommand(changing.config);
  } catch (thrown) {
    if (!(thrown instanceof Error) || thrown instanceof TiffinError) throw thrown;
    throw new TiffinError("invalid", "image.bad-change", thrown.message, { cause: thrown });
  }
}

/** An empty command is none. */
export function withoutEmptyCommand(config: ImageConfig): ImageConfig {
  const { Cmd, ...others } = config;
  return Cmd?.length === 0 ? others : config;
}

/** As Go prints a list of quoted texts. */
function goList(words: readonly string[]): string {
  return `[${words.map((word) => JSON.stringify(word)).join(" ")}]`;
}

const nsPerMs = 1_000_000;

/** As Go prints the structure, each field quoted. */
function goHealthcheck(check: OciHealthcheck): string {
  const { Test = [], Interval = 0, Timeout = 0, StartPeriod = 0, StartInterval = 0, Retries = 0 } = check;
  const durations = [Interval, Timeout, StartPeriod, StartInterval].map(
    (ns) => `"${ns === 0 ? "0s" : goDuration(ns / nsPerMs)}"`,
  );
  const retries = `'\\x${Retries.toString(16).padStart(2, "0")}'`;
  return `&{${[goList(Test), ...durations, retries].join(" ")}}`;
}

function goDuration(ms: number): string {
  if (ms < 1000) return `${ms}ms`;
  const seconds = ms / 1000;
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = `${Number((seconds % 60).toFixed(9))}s`;
  if (hours > 0) return `${hours}h${minutes}m${rest}`;
  return minutes > 0 ? `${minutes}m${rest}` : rest;
}

function refuseFlags({ flags }: Instruction): void {
  const [flag] = flags;
  if (flag !== undefined) throw new Error(`Unknown flag: ${flag.split("=", 1)[0]}`);
}

function atLeastOne({ name, rest }: Instruction): string {
  if (rest === "") throw new Error(`${name.toUpperCase()} requires at least one argument`);
  return rest;
}

function exactlyOne({ name, rest }: Instruction): string {
  if (rest === "") throw new Error(`${name.toUpperCase()} requires exactly one argument`);
  return rest;
}

function whiteWords(text: string): string[] {
  return text.split(/\s+/).filter((word) => word !== "");
}

function lookupIn({ config, variables }: Changing): Lookup {
  const environment = new Map(
    (config.Env ?? []).map((entry) => {
      const sign = entry.indexOf("=");
      return sign === -1 ? [entry, ""] : [entry.slice(0, sign), entry.slice(sign + 1)];
    }),
  );
  return (name) => environment.get(name) ?? variables?.(name);
}

/** A JSON array of strings; undefined for any other text. Throws for an array of something else. */
export function jsonList(text: string): string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (!Array.isArray(value)) return undefined;
  return value.map((element: unknown) => {
    if (typeof element === "string") return element;
    throw new Error("when using JSON array syntax, arrays must be comprised of strings only");
  });
}

export function shellOf(config: ImageConfig): string[] {
  return [...(config.Shell ?? defaultShell)];
}

/** A list as it is, a text as the shell's; undefined for nothing. */
function shellOrList({ rest }: Instruction, config: ImageConfig): string[] | undefined {
  if (rest === "") return undefined;
  return jsonList(rest) ?? [...shellOf(config), rest];
}

/** `NAME=value ...`, or the older `NAME value`. */
function pairsOf(instruction: Instruction, changing: Changing): [name: string, value: string][] {
  const title = instruction.name.toUpperCase();
  const rest = atLeastOne(instruction);
  const lookup = lookupIn(changing);
  const { escape: sign } = changing;
  const words = quotedWords(rest, sign);
  if (words[0]?.includes("=") !== true) {
    const [, name = "", value] = /^(\S+)\s+([\s\S]+)$/.exec(rest) ?? [];
    if (value === undefined) throw new Error(`${title} must have two arguments`);
    return [[expandWord(name, lookup, sign), expandWord(value, lookup, sign)]];
  }
  return words.map((word) => {
    const equals = word.indexOf("=");
    if (equals === -1) {
      throw new Error(
        `Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`,
      );
    }
    if (equals === 0) throw new Error(`${title} names can not be blank`);
    return [
      expandWord(word.slice(0, equals), lookup, sign),
      expandWord(word.slice(equals + 1), lookup, sign),
    ];
  });
}

/** The environment with one more, in place of one of that name. */
export function withVariable(env: readonly string[], name: string, value: string): string[] {
  const entry = `${name}=${value}`;
  const at = env.findIndex((one) => one.split("=", 1)[0] === name);
  return at === -1 ? [...env, entry] : env.map((one, index) => (index === at ? entry : one));
}

const highestPort = 65_535;

/** `80`, `80/udp`, `80-90/tcp`; what stands before a colon would be the host's and says nothing here. */
function portsOf(text: string): string[] {
  const [range = "", protocol = "tcp", ...more] = text.slice(text.lastIndexOf(":") + 1).split("/");
  const [first = "", last = first, ...others] = range.split("-");
  const [from, to] = [Number(first), Number(last)];
  const isPort = [first, last].every((port) => /^[0-9]{1,5}$/.test(port) && Number(port) <= highestPort);
  if (!isPort || from > to || others.length > 0 || more.length > 0)
    throw new Error(`invalid containerPort: ${range}`);
  if (!["tcp", "udp", "sctp"].includes(protocol.toLowerCase())) throw new Error(`invalid proto: ${protocol}`);
  return Array.from({ length: to - from + 1 }, (_, index) => `${from + index}/${protocol.toLowerCase()}`);
}

/** Without `.`, `..` and doubled slashes. */
export function cleanPath(path: string): string {
  const parts: string[] = [];
  for (const part of path.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

const durationFlags = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
} as const;
const leastNs = 1_000_000;

function healthcheckOf(instruction: Instruction): OciHealthcheck {
  const [, type = "", command = ""] = /^(\S*)\s*([\s\S]*)$/.exec(atLeastOne(instruction)) ?? [];
  const kind = type.toUpperCase();
  if (kind === "NONE") {
    if (command !== "") throw new Error("HEALTHCHECK NONE takes no arguments");
    refuseFlags(instruction);
    return { Test: ["NONE"] };
  }
  const settings = healthFlags(instruction.flags);
  if (kind !== "CMD") throw new Error(`Unknown type ${JSON.stringify(kind)} in HEALTHCHECK (try CMD)`);
  const list = jsonList(command);
  if (command === "" || list?.length === 0) throw new Error("Missing command after HEALTHCHECK CMD");
  return { Test: list === undefined ? ["CMD-SHELL", command] : ["CMD", ...list], ...settings };
}

function healthFlags(flags: readonly string[]): OciHealthcheck {
  const settings: Record<string, number> = {};
  const seen = new Set<string>();
  for (const flag of flags) {
    const sign = flag.indexOf("=");
    const name = sign === -1 ? flag : flag.slice(0, sign);
    const field = own(durationFlags, name);
    if (field === undefined && name !== "retries") throw new Error(`Unknown flag: ${name}`);
    if (sign === -1) throw new Error(`Missing a value on flag: ${name}`);
    if (seen.has(name)) throw new Error(`Duplicate flag specified: ${name}`);
    seen.add(name);
    const value = flag.slice(sign + 1);
    if (value === "") continue;
    if (field === undefined) settings["Retries"] = retriesOf(value);
    else settings[field] = durationOf(name, value);
  }
  return settings;
}

function durationOf(name: string, value: string): number {
  const ns = parseGoDuration(value);
  if (ns !== 0 && ns < leastNs) throw new Error(`Interval ${JSON.stringify(name)} cannot be less than 1ms`);
  return ns;
}

function retriesOf(value: string): number {
  if (!/^[+-]?[0-9]{1,9}$/.test(value)) {
    throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(value)}: invalid syntax`);
  }
  const retries = Number(value);
  if (retries < 0) throw new Error(`--retries cannot be negative (${retries})`);
  return retries;
}
