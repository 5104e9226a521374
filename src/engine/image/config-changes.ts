/**
 * `--change` of commit and import: instructions of a Dockerfile that only change what a container of the image gets by default.
 * Pure; each gives a new configuration. The wording of errors is Docker's where it has some.
 */
import { TiffinError } from "../../lib/errors.ts";
import type { OciHealthcheck, OciImageDefaults } from "../../oci/mod.ts";

type Change = (config: OciImageDefaults, rest: string) => OciImageDefaults;

const changes: Readonly<Record<string, Change>> = {
  CMD: (config, rest) => ({ ...config, Cmd: commandOf(rest) }),
  ENTRYPOINT: (config, rest) => ({ ...config, Entrypoint: commandOf(rest) }),
  ENV: (config, rest) => ({
    ...config,
    Env: withVariables(config.Env ?? [], pairsOf("ENV", rest, config.Env)),
  }),
  EXPOSE: (config, rest) => ({
    ...config,
    ExposedPorts: { ...config.ExposedPorts, ...portsOf(rest, config.Env) },
  }),
  HEALTHCHECK: (config, rest) => ({ ...config, Healthcheck: healthcheckOf(rest) }),
  LABEL: (config, rest) => ({
    ...config,
    Labels: { ...config.Labels, ...Object.fromEntries(pairsOf("LABEL", rest, config.Env)) },
  }),
  ONBUILD: (config, rest) => ({ ...config, OnBuild: [...(config.OnBuild ?? []), onBuildOf(rest)] }),
  STOPSIGNAL: (config, rest) => ({ ...config, StopSignal: oneWord("STOPSIGNAL", rest, config.Env) }),
  USER: (config, rest) => ({ ...config, User: oneWord("USER", rest, config.Env) }),
  VOLUME: (config, rest) => ({ ...config, Volumes: { ...config.Volumes, ...volumesOf(rest, config.Env) } }),
  WORKDIR: (config, rest) => ({ ...config, WorkingDir: directoryOf(rest, config) }),
};

/** Applies the instructions in order. Errors: `image.bad-change`. */
export function changedConfig(config: OciImageDefaults, instructions: readonly string[]): OciImageDefaults {
  return instructions
    .flatMap((text) => text.split("\n"))
    .map((line) => line.trim())
    .filter((line) => line !== "" && !line.startsWith("#"))
    .reduce((changed, line) => {
      const [word = ""] = line.split(/\s/, 1);
      const name = word.toUpperCase();
      const change = Object.hasOwn(changes, name) ? changes[name] : undefined;
      if (change === undefined) throw bad(`${name} is not a valid change command`);
      const rest = line.slice(word.length).trim();
      if (rest === "") throw bad(`${name} requires at least one argument`);
      return change(changed, rest);
    }, config);
}

function bad(what: string): TiffinError {
  return new TiffinError("invalid", "image.bad-change", what);
}

/** A JSON list of texts; undefined for what is none, which then is a line of a shell. */
function jsonList(text: string): readonly string[] | undefined {
  if (!text.startsWith("[")) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    if (Array.isArray(value) && value.every((item) => typeof item === "string")) return value;
  } catch {
    // A shell's line may begin so too.
  }
  return undefined;
}

function commandOf(rest: string): readonly string[] {
  return jsonList(rest) ?? ["/bin/sh", "-c", rest];
}

/** Words between blanks, with quotes taken off and variables filled in. */
function wordsOf(text: string, env: readonly string[] = []): string[] {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at += 1) {
    const character = text[at] ?? "";
    if (quote === "" && /\s/.test(character)) {
      if (word !== undefined) words.push(word);
      word = undefined;
      continue;
    }
    word ??= "";
    if (character === quote) quote = "";
    else if (quote === "" && (character === '"' || character === "'")) quote = character;
    else if (character === "\\" && quote !== "'" && at + 1 < text.length) {
      const next = text[at + 1] ?? "";
      word += quote === '"' && !/["\\$]/.test(next) ? `\\${next}` : next;
      at += 1;
    } else if (character === "$" && quote !== "'") {
      const match = /^\$(?:([A-Za-z_]\w*)|\{([A-Za-z_]\w*)\})/.exec(text.slice(at));
      word += match === null ? character : variableIn(env, match[1] ?? match[2] ?? "");
      at += match === null ? 0 : match[0].length - 1;
    } else word += character;
  }
  if (quote !== "")
    throw bad(
      `unexpected end of statement while looking for matching ${quote === '"' ? "double" : "single"}-quote`,
    );
  if (word !== undefined) words.push(word);
  return words;
}

function variableIn(env: readonly string[], name: string): string {
  return env.find((entry) => entry.startsWith(`${name}=`))?.slice(name.length + 1) ?? "";
}

/** `A=b C="d e"`, or the older `A b c`, which is one pair. */
function pairsOf(instruction: string, rest: string, env: readonly string[] | undefined): [string, string][] {
  const [first = ""] = rest.split(/\s/, 1);
  if (!first.includes("=")) {
    const value = rest.slice(first.length).trim();
    if (value === "") throw bad(`${instruction} must have two arguments`);
    return [[first, wordsOf(value, env).join(" ")]];
  }
  return wordsOf(rest, env).map((word) => {
    const sign = word.indexOf("=");
    if (sign < 0) {
      throw bad(`Syntax error - can't find = in ${JSON.stringify(word)}. Must be of the form: name=value`);
    }
    if (sign === 0) throw bad(`${instruction} names can not be blank`);
    return [word.slice(0, sign), word.slice(sign + 1)];
  });
}

function withVariables(
  env: readonly string[],
  pairs: readonly (readonly [string, string])[],
): readonly string[] {
  const result = [...env];
  for (const [name, value] of pairs) {
    const at = result.findIndex((entry) => entry.startsWith(`${name}=`));
    if (at < 0) result.push(`${name}=${value}`);
    else result[at] = `${name}=${value}`;
  }
  return result;
}

const limitPorts = 65_535;

function portsOf(rest: string, env: readonly string[] | undefined): Record<string, Record<string, never>> {
  const ports: Record<string, Record<string, never>> = {};
  for (const word of wordsOf(rest, env)) {
    const match = /^(\d{1,5})(?:-(\d{1,5}))?(?:\/(tcp|udp|sctp))?$/i.exec(word);
    const first = Number(match?.[1]);
    const last = Number(match?.[2] ?? match?.[1]);
    if (match === null || last < first || last > limitPorts) throw bad(`invalid containerPort: ${word}`);
    for (let port = first; port <= last; port += 1)
      ports[`${port}/${(match[3] ?? "tcp").toLowerCase()}`] = {};
  }
  return ports;
}

function volumesOf(rest: string, env: readonly string[] | undefined): Record<string, Record<string, never>> {
  const paths = jsonList(rest) ?? wordsOf(rest, env);
  if (paths.some((path) => path.trim() === "")) throw bad("VOLUME specified can not be an empty string");
  return Object.fromEntries(paths.map((path) => [path, {}]));
}

function oneWord(instruction: string, rest: string, env: readonly string[] | undefined): string {
  const words = wordsOf(rest, env);
  const [word = ""] = words;
  if (words.length !== 1) throw bad(`${instruction} requires exactly one argument`);
  return word;
}

function onBuildOf(rest: string): string {
  const [word = ""] = rest.split(/\s/, 1);
  const trigger = word.toUpperCase();
  if (trigger === "ONBUILD") throw bad("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger === "FROM" || trigger === "MAINTAINER")
    throw bad(`${trigger} isn't allowed as an ONBUILD trigger`);
  return rest;
}

/** A relative directory is one below the image's own. */
function directoryOf(rest: string, config: OciImageDefaults): string {
  const path = wordsOf(rest, config.Env).join(" ");
  const joined = path.startsWith("/") ? path : `${config.WorkingDir ?? "/"}/${path}`;
  const parts: string[] = [];
  for (const part of joined.split("/")) {
    if (part === "..") parts.pop();
    else if (part !== "" && part !== ".") parts.push(part);
  }
  return `/${parts.join("/")}`;
}

const unitNs: ReadonlyMap<string, number> = new Map([
  ["ns", 1],
  ["us", 1e3],
  ["ms", 1e6],
  ["s", 1e9],
  ["m", 60e9],
  ["h", 3600e9],
]);
const healthFlags: Readonly<Record<string, keyof OciHealthcheck>> = {
  interval: "Interval",
  timeout: "Timeout",
  "start-period": "StartPeriod",
  "start-interval": "StartInterval",
  retries: "Retries",
};

function healthcheckOf(rest: string): OciHealthcheck {
  let text = rest;
  let check: OciHealthcheck = {};
  for (
    let match = /^--([a-z-]+)=(\S+)\s*/.exec(text);
    match !== null;
    match = /^--([a-z-]+)=(\S+)\s*/.exec(text)
  ) {
    const [whole, flag = "", value = ""] = match;
    const field = Object.hasOwn(healthFlags, flag) ? healthFlags[flag] : undefined;
    if (field === undefined) throw bad(`unknown flag: ${flag}`);
    check = { ...check, [field]: field === "Retries" ? Number(value) : nanoseconds(value) };
    if (Number.isNaN(check[field])) throw bad(`invalid value ${JSON.stringify(value)} for --${flag}`);
    text = text.slice(whole.length);
  }
  if (/^NONE$/i.test(text)) return { Test: ["NONE"] };
  const command = /^CMD\s+(.+)$/is.exec(text)?.[1];
  if (command === undefined)
    throw bad(`unknown type ${JSON.stringify(text)} in HEALTHCHECK (try CMD or NONE)`);
  const words = jsonList(command);
  return { ...check, Test: words === undefined ? ["CMD-SHELL", command] : ["CMD", ...words] };
}

function nanoseconds(text: string): number {
  const parts = [...text.matchAll(/(\d+\.?\d*|\.\d+)(ns|us|ms|s|m|h)/g)];
  if (parts.map(([whole]) => whole).join("") !== text || parts.length === 0) return Number.NaN;
  return parts.reduce((sum, [, number, unit = ""]) => sum + Number(number) * (unitNs.get(unit) ?? 0), 0);
}
