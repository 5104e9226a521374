/** The options of a container's log (`--log-opt`): every key is done, warned of, or refused at create. Pure. */
import type { LogConfig } from "../../../docker/types/host-config.ts";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeLogLimits } from "./log-limits.ts";

export const defaultLogDriver = "json-file";

/** What inspect shows of a log whose limits nobody chose. */
export const defaultLogOptions = { "max-file": "5", "max-size": "20m" } as const;

type Options = Readonly<Record<string, string>>;

function refuse(text: string): never {
  throw new TiffinError("invalid", "container.log-option", text);
}

function checkPattern(value: string, key: string): void {
  try {
    new RegExp(value);
  } catch {
    refuse(`invalid log option ${key}: ${JSON.stringify(value)} is no regular expression`);
  }
}

/** Fields of a tag's template, as Docker names them. */
const tagFields = [
  "ID",
  "FullID",
  "Name",
  "ImageID",
  "ImageFullID",
  "ImageName",
  "Hostname",
  "Command",
  "DaemonName",
] as const;
type TagField = (typeof tagFields)[number];
const tagField = /\{\{\s*\.([A-Za-z]+)\s*\}\}/g;

function isTagField(name: string): name is TagField {
  return tagFields.some((field) => field === name);
}

function checkTag(value: string): void {
  const names = [...value.matchAll(tagField)].map(([, name = ""]) => name);
  const unknown = names.find((name) => !isTagField(name));
  if (unknown !== undefined || value.replaceAll(tagField, "").includes("{{")) {
    const wanted = tagFields.map((field) => `{{.${field}}}`).join(", ");
    refuse(`invalid log option tag: ${JSON.stringify(value)}, wanted a text with any of ${wanted}`);
  }
}

const truths: ReadonlySet<string> = new Set(["1", "t", "T", "true", "TRUE", "True"]);
const falsehoods: ReadonlySet<string> = new Set(["0", "f", "F", "false", "FALSE", "False"]);

/** Checks a value; the result is a warning of what is not done. */
type Check = (value: string, options: Options, key: string) => string | undefined;

/** Its value is looked at where it is used, by `decodeLogLimits` and `logDetails`. */
const free: Check = () => undefined;

const sizes: Readonly<Record<string, Check>> = {
  "max-size": free,
  "max-file": free,
  compress(value) {
    if (falsehoods.has(value)) return undefined;
    if (!truths.has(value))
      refuse(`invalid log option compress: found ${JSON.stringify(value)}, wanted a boolean`);
    return "Log option compress is discarded: the files of a log are not compressed, max-size counts the output in them.";
  },
  mode(value) {
    if (value === "" || value === "blocking") return undefined;
    if (value !== "non-blocking") refuse(`logger: logging mode not supported: ${value}`);
    return "Log option mode=non-blocking is discarded: output is written to the local disk at once, there is no queue.";
  },
  "max-buffer-size"(value, options) {
    if (options["mode"] !== "non-blocking") {
      refuse("logger: max-buffer-size option is only supported with 'mode=non-blocking'");
    }
    if (!/^[0-9]{1,15}([bkmg]b?)?$/i.test(value)) {
      refuse(`invalid log option max-buffer-size: found ${JSON.stringify(value)}, wanted a size like 4m`);
    }
    return undefined;
  },
};

const drivers: Readonly<Record<string, Readonly<Record<string, Check>>>> = {
  none: {},
  local: sizes,
  "json-file": {
    ...sizes,
    labels: free,
    env: free,
    "labels-regex": (value, _, key) => void checkPattern(value, key),
    "env-regex": (value, _, key) => void checkPattern(value, key),
    tag: (value) => void checkTag(value),
  },
};

/** Refuses what cannot be done; returns warnings of what will not be. Errors: `container.log-option`, `container.log-driver`. */
export function checkLogConfig(config: LogConfig | undefined): readonly string[] {
  const driver = config?.Type || defaultLogDriver;
  const known = Object.hasOwn(drivers, driver) ? drivers[driver] : undefined;
  if (known === undefined) {
    const wanted = Object.keys(drivers).join(", ");
    throw new TiffinError(
      "invalid",
      "container.log-driver",
      `logger: no log driver named '${driver}' is registered (there are ${wanted})`,
    );
  }
  const options = config?.Config ?? {};
  const warnings: string[] = [];
  for (const [key, value] of Object.entries(options)) {
    const check = Object.hasOwn(known, key) ? known[key] : undefined;
    if (check === undefined) {
      const wanted = Object.keys(known).join(", ") || "it has no options";
      refuse(`unknown log opt '${key}' for ${driver} log driver (${wanted})`);
    }
    const warning = check(value, options, key);
    if (warning !== undefined) warnings.push(warning);
  }
  decodeLogLimits(config);
  return warnings;
}

export interface LogSubject {
  readonly config: LogConfig | undefined;
  readonly labels: Options;
  readonly environment: readonly string[];
  readonly tagValues: Readonly<Record<TagField, string>>;
}

/** As Go's `url.QueryEscape`. */
function escaped(text: string): string {
  return encodeURIComponent(text)
    .replaceAll(/[!'()*]/g, (mark) => `%${mark.charCodeAt(0).toString(16).toUpperCase()}`)
    .replaceAll("%20", "+");
}

/** What `logs --details` puts before each line: what the options `labels`, `env` and `tag` name. */
export function logDetails(subject: LogSubject): string {
  const options = subject.config?.Config ?? {};
  const found = new Map<string, string>();
  const collect = (entries: Iterable<readonly [string, string]>, names: string, pattern: string): void => {
    const wanted = new Set(options[names]?.split(","));
    const matching = options[pattern] ? new RegExp(options[pattern]) : undefined;
    for (const [key, value] of entries) if (wanted.has(key) || matching?.test(key)) found.set(key, value);
  };
  collect(Object.entries(subject.labels), "labels", "labels-regex");
  const variables = subject.environment.map((entry): [string, string] => {
    const [name = ""] = entry.split("=", 1);
    return [name, entry.slice(name.length + 1)];
  });
  collect(variables, "env", "env-regex");
  const tag = options["tag"] ?? "";
  if (tag !== "") {
    const filled = tag.replaceAll(tagField, (_, name: string) =>
      isTagField(name) ? subject.tagValues[name] : "",
    );
    found.set("tag", filled);
  }
  return [...found]
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${escaped(key)}=${escaped(value)}`)
    .join(",");
}
