/**
 * The settings of `tiffin daemon`, declared once: the option on the command line, the key in the configuration file, the
 * help, the published schema and the manual pages all come from this table.
 */

import {
  defaultHost,
  defaultLimitUnpackedBytes,
  defaultRoot,
  defaultRun,
  type EngineConfig,
  logLevels,
  ownRuntime,
} from "../engine/config.ts";
import { TiffinError } from "../lib/errors.ts";
import { FileFault } from "../lib/file-fault.ts";
import { suggestion } from "../lib/suggestion.ts";

/** Where the engine listens beside its own socket, and whom it lets in there. */
export interface TcpSettings {
  readonly tcpHosts: readonly string[];
  readonly tlsVerify: boolean;
  readonly tlsAuthority: string;
  readonly tlsCertificate: string;
  readonly tlsKey: string;
  readonly unauthenticatedTcp: boolean;
}
export type Settings = Omit<EngineConfig, "tag"> & TcpSettings;
export type GivenSettings = { -readonly [K in keyof Settings]?: Settings[K] };

type Schema = Readonly<Record<string, unknown>>;

/** One value, as text of the command line and as JSON of the file; undefined is a wrong one. */
interface Kind<T> {
  readonly wanted: string;
  readonly schema: Schema;
  ofText(text: string): T | undefined;
  ofJson(value: unknown): T | undefined;
}

export interface Setting<T> {
  readonly flag: string;
  readonly short: string | undefined;
  /** In the file; Docker's name where Docker has the setting. */
  readonly key: string;
  /** What help calls the value. */
  readonly word: string;
  readonly help: string;
  readonly shownDefault: string | undefined;
  readonly repeated: boolean;
  readonly schema: Schema;
  /** One more occurrence on the command line, called `word` there. */
  add(before: T | undefined, word: string, text: string): T;
  /** The value in the file at `path`. */
  decode(path: string, value: unknown): T;
}

export function usageError(text: string): TiffinError {
  return new TiffinError("invalid", "daemon.usage", text, {
    remedy: "see: tiffin daemon --help",
    exitCode: 125,
  });
}

export function shown(value: unknown): string {
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object" && value !== null) return "an object";
  return JSON.stringify(value) ?? "nothing";
}

function textKind(wanted: string, schema: Schema, isRight: (text: string) => boolean): Kind<string> {
  const ofText = (text: string): string | undefined => (isRight(text) ? text : undefined);
  return {
    wanted,
    schema: { type: "string", ...schema },
    ofText,
    ofJson: (value) => (typeof value === "string" ? ofText(value) : undefined),
  };
}

const path = textKind("an absolute path", { pattern: "^/" }, (text) => text.startsWith("/"));
const address = textKind("an address such as unix:///PATH", { pattern: "^unix:///." }, (text) =>
  /^unix:\/\/\/./.test(text),
);
const tcpAddress = textKind("an address such as tcp://0.0.0.0:2376", { pattern: "^tcp://." }, (text) =>
  text.startsWith("tcp://"),
);
const mirror = textKind(
  "an address such as https://mirror.example",
  { pattern: "^https?://", format: "uri" },
  (text) => /^https?:\/\//.test(text) && URL.canParse(text),
);
const registryPattern = "^[A-Za-z0-9.[\\]:_-]+(?:/\\d{1,3})?$";
const registry = textKind("a host, or host:port", { pattern: registryPattern }, (text) =>
  new RegExp(registryPattern).test(text),
);

const runtimeWord = textKind("the name of a runtime", {}, (text) => text !== "");

const httpAddress = textKind(
  "an address such as http://127.0.0.1:4318",
  { pattern: "^https?://", format: "uri" },
  (text) => /^https?:\/\//.test(text) && URL.canParse(text),
);
const hostPortPattern = "^(?:[A-Za-z0-9.-]+|\\[[0-9a-fA-F:.]+\\]):\\d{1,5}$";
const hostPort = textKind(
  "an address such as 127.0.0.1:9323",
  { pattern: hostPortPattern },
  (text) => new RegExp(hostPortPattern).test(text) && Number(text.slice(text.lastIndexOf(":") + 1)) < 65_536,
);

const bytes: Kind<number> = {
  wanted: "a number of bytes",
  schema: { type: "integer", minimum: 1, maximum: 10 ** 15 - 1 },
  ofText: (text) => (/^[1-9][0-9]{0,14}$/.test(text) ? Number(text) : undefined),
  ofJson: (value) =>
    typeof value === "number" && Number.isInteger(value) && value > 0 && value < 10 ** 15 ? value : undefined,
};

const truth: Kind<boolean> = {
  wanted: "true or false",
  schema: { type: "boolean" },
  ofText: (text) => (text === "true" ? true : text === "false" ? false : undefined),
  ofJson: (value) => (typeof value === "boolean" ? value : undefined),
};

function choice<const W extends string>(...words: readonly W[]): Kind<W> {
  const ofJson = (value: unknown): W | undefined => words.find((word) => word === value);
  return { wanted: words.join(" or "), schema: { enum: words }, ofText: ofJson, ofJson };
}

const mostPrefixBits = 128;

/** Written as Docker writes it: `base=NETWORK,size=BITS`, and `{"base": NETWORK, "size": BITS}`. */
const pool: Kind<string> = {
  wanted: "a base and a size, such as 10.10.0.0/16 and 24",
  schema: {
    type: "object",
    properties: {
      base: { type: "string", description: "The network that subnets are taken from" },
      size: { type: "integer", minimum: 1, maximum: mostPrefixBits, description: "The prefix of a subnet" },
    },
    required: ["base", "size"],
    additionalProperties: false,
  },
  ofText: (text) => text,
  ofJson(value) {
    if (typeof value !== "object" || value === null) return undefined;
    const { base, size, ...others } = Object.fromEntries(Object.entries(value));
    const [unknown] = Object.keys(others);
    if (unknown !== undefined) {
      throw new FileFault(
        `unknown key ${JSON.stringify(unknown)} in a pool of addresses${suggestion(unknown, ["base", "size"])}`,
      );
    }
    if (typeof base !== "string" || !/^[0-9a-fA-F.:]+\/\d{1,3}$/.test(base)) return undefined;
    if (typeof size !== "number" || !Number.isInteger(size) || size < 1 || size > mostPrefixBits)
      return undefined;
    return `base=${base},size=${size}`;
  },
};

const runtimeName = "^[A-Za-z0-9][A-Za-z0-9._-]*$";

/** Docker's form: by name, each with a path and words that stand before its commands. */
const runtimeSchema: Schema = {
  type: "object",
  propertyNames: { pattern: runtimeName },
  additionalProperties: {
    type: "object",
    properties: {
      path: { type: "string", description: "The program, absolute or a name in PATH" },
      runtimeArgs: {
        type: "array",
        items: { type: "string" },
        description: "What stands before its commands",
      },
    },
    required: ["path"],
    additionalProperties: false,
  },
};

type Runtimes = Settings["runtimes"];

function checkedName(name: string): boolean {
  return new RegExp(runtimeName).test(name) && name !== ownRuntime;
}

function decodeRuntime(path: string, value: unknown): Runtimes[string] {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw new FileFault(`${path} needs an object with a path, found ${shown(value)}`);
  }
  const { path: program, runtimeArgs = [], ...others } = Object.fromEntries(Object.entries(value));
  const [unknown] = Object.keys(others);
  if (unknown !== undefined) {
    throw new FileFault(
      `unknown key ${JSON.stringify(unknown)} in ${path}${suggestion(unknown, ["path", "runtimeArgs"])}`,
    );
  }
  if (typeof program !== "string" || program === "") {
    throw new FileFault(`${path}.path needs a path, found ${shown(program)}`);
  }
  const words = Array.isArray(runtimeArgs) ? runtimeArgs.filter((word) => typeof word === "string") : [];
  if (!Array.isArray(runtimeArgs) || words.length !== runtimeArgs.length) {
    throw new FileFault(`${path}.runtimeArgs needs a list of words, found ${shown(runtimeArgs)}`);
  }
  return { path: program, arguments: words };
}

function namedRuntimes(names: Names): Setting<Runtimes> {
  return {
    ...commonOf(names),
    repeated: true,
    schema: { ...runtimeSchema, description: names.help },
    add(before, word, given) {
      const split = given.indexOf("=");
      const [name, program] = [given.slice(0, Math.max(0, split)), given.slice(split + 1)];
      if (!checkedName(name) || program === "") {
        throw usageError(
          `${word} needs a name and a path such as youki=/usr/bin/youki, found ${JSON.stringify(given)}`,
        );
      }
      return { ...before, [name]: { path: program, arguments: [] } };
    },
    decode(path, value) {
      if (typeof value !== "object" || value === null || Array.isArray(value)) {
        throw new FileFault(`${path} needs an object, found ${shown(value)}`);
      }
      const wrong = Object.keys(value).find((name) => !checkedName(name));
      if (wrong !== undefined)
        throw new FileFault(`${path} has the name ${JSON.stringify(wrong)}, which no runtime can have`);
      return Object.fromEntries(
        Object.entries(value).map(([name, one]) => [name, decodeRuntime(`${path}.${name}`, one)]),
      );
    },
  };
}

interface Names {
  readonly flag: string;
  readonly short?: string;
  readonly key?: string;
  readonly word: string;
  readonly help: string;
  readonly shownDefault?: string;
}

function commonOf({ flag, short, key, word, help, shownDefault }: Names) {
  return { flag, short, key: key ?? flag, word, help, shownDefault };
}

function fromText<T>(kind: Kind<T>, word: string, text: string): T {
  const value = kind.ofText(text);
  if (value !== undefined) return value;
  throw usageError(`${word} needs ${kind.wanted}, found ${JSON.stringify(text)}`);
}

function fromJson<T>(kind: Kind<T>, path: string, value: unknown): T {
  const found = kind.ofJson(value);
  if (found !== undefined) return found;
  throw new FileFault(`${path} needs ${kind.wanted}, found ${shown(value)}`);
}

function one<T>(kind: Kind<T>, names: Names): Setting<T> {
  return {
    ...commonOf(names),
    repeated: false,
    schema: { ...kind.schema, description: names.help },
    add: (_before, word, text) => fromText(kind, word, text),
    decode: (path, value) => fromJson(kind, path, value),
  };
}

function several<T>(kind: Kind<T>, names: Names): Setting<readonly T[]> {
  return {
    ...commonOf(names),
    repeated: true,
    schema: { type: "array", items: kind.schema, description: names.help },
    add: (before, word, text) => [...(before ?? []), fromText(kind, word, text)],
    decode(path, value) {
      if (!Array.isArray(value)) throw new FileFault(`${path} needs a list, found ${shown(value)}`);
      return value.map((item: unknown, index) => fromJson(kind, `${path}[${index}]`, item));
    },
  };
}

export const settings: { readonly [K in keyof Settings]: Setting<Settings[K]> } = {
  root: one(path, {
    flag: "root",
    word: "DIR",
    help: "State that outlives a reboot",
    shownDefault: JSON.stringify(defaultRoot),
  }),
  run: one(path, {
    flag: "run",
    word: "DIR",
    help: "State that does not outlive a reboot",
    shownDefault: JSON.stringify(defaultRun),
  }),
  host: one(address, {
    flag: "host",
    short: "H",
    word: "ADDR",
    help: "Where clients connect",
    shownDefault: JSON.stringify(defaultHost),
  }),
  limitUnpackedBytes: one(bytes, {
    flag: "unpacked-limit",
    word: "BYTES",
    help: "What an image, and each layer of it, may unpack to",
    shownDefault: String(defaultLimitUnpackedBytes),
  }),
  insecureRegistries: several(registry, {
    flag: "insecure-registry",
    key: "insecure-registries",
    word: "HOST",
    help: "A registry (host[:port], or a block of addresses) that may do without TLS",
  }),
  registryMirrors: several(mirror, {
    flag: "registry-mirror",
    key: "registry-mirrors",
    word: "URL",
    help: "A mirror of docker.io that is asked first",
  }),
  publishMode: one(choice("nat", "socket"), {
    flag: "publish-mode",
    word: "nat|socket",
    help: "How ports are published: by the firewall, or by the engine that listens",
    shownDefault: "nat",
  }),
  openWithin: one(truth, {
    flag: "icc",
    word: "true|false",
    help: "Whether containers of the default network reach each other",
    shownDefault: "true",
  }),
  runtimes: namedRuntimes({
    flag: "add-runtime",
    key: "runtimes",
    word: "NAME=PATH",
    help: "An OCI runtime that containers may ask for by name (--runtime); crun and runc need no setting",
  }),
  defaultRuntime: one(runtimeWord, {
    flag: "default-runtime",
    word: "NAME",
    help: "The runtime of containers that ask for none",
    shownDefault: ownRuntime,
  }),
  addressPools: several(pool, {
    flag: "default-address-pool",
    key: "default-address-pools",
    word: "base=NETWORK,size=BITS",
    help: "Where the subnets of networks come from that nobody chose one for, of either family",
  }),
  metricsAddress: one(hostPort, {
    flag: "metrics-addr",
    word: "HOST:PORT",
    help: "Where metrics are served to whoever asks; the API serves them always",
  }),
  otlpEndpoint: one(httpAddress, {
    flag: "otlp-endpoint",
    word: "URL",
    help: "A collector that takes traces of starts and builds, by OTLP over HTTP",
  }),
  logLevel: one(choice(...logLevels), {
    flag: "log-level",
    short: "l",
    word: logLevels.join("|"),
    help: "How much the engine says of itself on standard error",
    shownDefault: "warn",
  }),
  logFormat: one(choice("text", "json"), {
    flag: "log-format",
    word: "text|json",
    help: "Lines for people, or one JSON document a line",
    shownDefault: "text",
  }),
  tcpHosts: several(tcpAddress, {
    flag: "tcp-host",
    key: "tcp-hosts",
    word: "ADDR",
    help: "Where clients of other machines connect, beside the socket; --host tcp://... is the same",
  }),
  tlsVerify: one(truth, {
    flag: "tlsverify",
    word: "true|false",
    help: "Only clients whose certificate the authority has signed are let in by TCP",
    shownDefault: "false",
  }),
  tlsAuthority: one(path, {
    flag: "tlscacert",
    word: "FILE",
    help: "The authority that signs the certificates of clients",
  }),
  tlsCertificate: one(path, {
    flag: "tlscert",
    word: "FILE",
    help: "The engine's certificate for TCP",
  }),
  tlsKey: one(path, { flag: "tlskey", word: "FILE", help: "The key of the engine's certificate" }),
  unauthenticatedTcp: one(truth, {
    flag: "unauthenticated-tcp",
    word: "true|false",
    help: "Listen by TCP beyond loopback although anybody who reaches it is root here",
    shownDefault: "false",
  }),
};

export const settingNames = Object.keys(settings) as readonly (keyof Settings)[];

/** What `tiffin daemon` can do instead of running. */
export const daemonActions = {
  uninstall: "Take the bridge, rules and cgroups of a stopped engine off the host, and exit",
  validate: "Check the options and the configuration file, and exit",
} as const;
export const configOption = {
  flag: "config",
  word: "FILE",
  help: "The configuration file; options win over it",
} as const;
export const fromDockerOption = {
  flag: "from-docker",
  word: "FILE",
  help: "Print the configuration that a daemon.json of Docker comes to, name what has no place in it, and exit",
} as const;
