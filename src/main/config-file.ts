/** The engine's configuration file, decoded strictly: what is not understood stops the engine instead of being passed over. */
import { readFileSync } from "node:fs";
import { suggestion } from "../cli/suggestion.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { type GivenSettings, type Settings, settingNames, settings, WrongValue } from "./daemon-options.ts";

export const defaultConfigFile = "/etc/tiffin/tiffin.json";
const schemaKey = "$schema";

function wrongFile(file: string, text: string): TiffinError {
  return new TiffinError("invalid", "daemon.config", `${file}: ${text}`, {
    remedy: "check it with: tiffin daemon --validate",
    exitCode: 125,
  });
}

/** The document in `file`; undefined when there is none. */
function readDocument(file: string): Readonly<Record<string, unknown>> | undefined {
  let text: string;
  try {
    text = readFileSync(file, "utf8");
  } catch (thrown) {
    if (thrown instanceof Error && "code" in thrown && thrown.code === "ENOENT") return undefined;
    throw wrongFile(file, `cannot read it: ${messageOf(thrown)}`);
  }
  let document: unknown;
  try {
    document = JSON.parse(text);
  } catch (thrown) {
    throw wrongFile(file, `no JSON: ${messageOf(thrown).replace(/^JSON Parse error: /, "")}`);
  }
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw wrongFile(file, "wanted one JSON object");
  }
  return Object.fromEntries(Object.entries(document));
}

function take<K extends keyof Settings>(into: GivenSettings, name: K, value: unknown): void {
  into[name] = settings[name].decode(settings[name].key, value);
}

/** The settings of a document. Throws `WrongValue`. */
export function decodeSettings(document: Readonly<Record<string, unknown>>): GivenSettings {
  const found: GivenSettings = {};
  for (const [key, value] of Object.entries(document)) {
    if (key === schemaKey) continue;
    const name = settingNames.find((one) => settings[one].key === key);
    if (name === undefined) {
      const keys = settingNames.map((one) => settings[one].key);
      const hint = suggestion(key, keys);
      throw new WrongValue(
        `unknown key ${JSON.stringify(key)}${hint === "" ? `; known are ${keys.join(", ")}` : hint}`,
      );
    }
    take(found, name, value);
  }
  return found;
}

/** The settings in `file`, or in the usual one if that is there. */
export function readConfigFile(file: string | undefined): GivenSettings {
  const place = file ?? defaultConfigFile;
  const document = readDocument(place);
  if (document === undefined) {
    if (file === undefined) return {};
    throw wrongFile(place, "there is no such file");
  }
  try {
    return decodeSettings(document);
  } catch (thrown) {
    if (thrown instanceof WrongValue) throw wrongFile(place, thrown.message);
    throw thrown;
  }
}

/** Keys of Docker's daemon.json that are left out for a reason; any other that is not ours is called unknown. */
const dockerLeaves: Readonly<Record<string, string>> = {
  "data-root": "its state stays its own",
  "exec-root": "its state stays its own",
  pidfile: "there is none",
  hosts: "its sockets stay its own; see host",
  group: "it is always tiffin",
  "live-restore": "containers always outlive the engine",
  iptables: "rules are in tables of Tiffin's own",
  ip6tables: "rules are in tables of Tiffin's own",
  "storage-driver": "layers are stored in one way",
  "exec-opts": "the control group driver is found out",
  "log-driver": "say it with each container: --log-driver",
  "log-opts": "say it with each container: --log-opt",
  bip: "give the default network a pool: default-address-pools",
};

/** What a daemon.json comes to here: the document to write, and a sentence for each key that is not in it. */
export function fromDockerConfig(file: string): {
  readonly document: Readonly<Record<string, unknown>>;
  readonly left: readonly string[];
} {
  const found = readDocument(file);
  if (found === undefined) throw wrongFile(file, "there is no such file");
  const shared = [
    "insecure-registries",
    "registry-mirrors",
    "icc",
    "default-address-pools",
    "runtimes",
    "tlsverify",
    "tlscacert",
    "tlscert",
    "tlskey",
  ];
  const entries = Object.entries(found);
  const document = Object.fromEntries(entries.filter(([key]) => shared.includes(key)));
  try {
    decodeSettings(document);
  } catch (thrown) {
    if (thrown instanceof WrongValue) throw wrongFile(file, thrown.message);
    throw thrown;
  }
  const left = entries
    .filter(([key]) => !shared.includes(key))
    .map(
      ([key]) =>
        `${JSON.stringify(key)} is left out: ${own(dockerLeaves, key) ?? "Tiffin has no such setting"}`,
    );
  return { document, left };
}

/** The published JSON schema of the file. */
export function configSchema(): Readonly<Record<string, unknown>> {
  return {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "tiffin.json",
    description: `The configuration of tiffin daemon, ${defaultConfigFile}`,
    type: "object",
    properties: {
      [schemaKey]: { type: "string" },
      ...Object.fromEntries(
        settingNames.map((name) => {
          const { key, schema, shownDefault } = settings[name];
          return [key, shownDefault === undefined ? schema : { ...schema, default: defaultOf(shownDefault) }];
        }),
      ),
    },
    additionalProperties: false,
  };
}

/** A default as help shows it is JSON, or a bare word. */
function defaultOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return text;
  }
}
