/**
 * Docker's `config.json`, as far as it is about registries: who is logged in where, and which programs keep the secrets. What else is
 * in the file stays in it, byte for byte in meaning.
 */
import { errnoOf } from "../../client/api-error.ts";
import { type ConfigurationForm, decodeConfiguration } from "../../lib/configuration.ts";
import { decoderKit, optional } from "../../lib/decoders.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { formatExactJson } from "../../lib/exact-json.ts";
import type { CliIo } from "../io.ts";

type Fields = ReadonlyMap<string, unknown>;

const privateDirectory = 0o700;

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value)
    ? new Map(Object.entries(value))
    : new Map();
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

const { closed, mapOf, nullable, text } = decoderKit({
  code: "client.config-file",
  whole: "document",
  shownLength: 40,
  limitElements: 1 << 16,
  allowsNul: true,
  nullIsEmpty: true,
});

/** What is read of the file. Many programs keep their own in it, so that only what is nearly one of these names is a fault. */
const entry = closed(
  { auth: optional(text), identitytoken: optional(text) },
  { slipsOnly: true, besides: ["email", "password", "registrytoken", "serveraddress", "username"] },
);
const checked = closed(
  {
    auths: optional(mapOf(nullable(entry))),
    credHelpers: optional(mapOf(text)),
    credsStore: optional(text),
  },
  {
    slipsOnly: true,
    besides: [
      "HttpHeaders",
      "aliases",
      "cliPluginsExtraDirs",
      "configFormat",
      "credentialSpecs",
      "currentContext",
      "detachKeys",
      "experimental",
      "features",
      "imagesFormat",
      "kubernetes",
      "networksFormat",
      "nodesFormat",
      "plugins",
      "pluginsFormat",
      "proxies",
      "pruneFilters",
      "psFormat",
      "secretFormat",
      "serviceInspectFormat",
      "servicesFormat",
      "stackOrchestrator",
      "statsFormat",
      "tasksFormat",
      "volumesFormat",
    ],
  },
);

const form: ConfigurationForm<Fields> = {
  code: "client.config-file",
  exitCode: 1,
  decode(value, path) {
    checked(value, path);
    return fieldsOf(value);
  },
};

/** Undefined where there is no such file. */
function readBytes(io: CliIo, path: string): Uint8Array | undefined {
  try {
    return io.readFile(path);
  } catch (thrown) {
    const errno = errnoOf(thrown);
    if (errno === "ENOENT" || errno === "ENOTDIR") return undefined;
    const text =
      errno === "EISDIR" ? "it is a directory, wanted a file" : `cannot read it: ${messageOf(thrown)}`;
    throw new TiffinError("invalid", form.code, `${path}: ${text}`);
  }
}

/** One entry of `auths`. */
export interface StoredLogin {
  /** base64 of `name:password`. */
  readonly auth: string;
  readonly identityToken: string;
}

/** Where Docker's client keeps what it is told. */
export function configDirectory(io: Pick<CliIo, "env">): string {
  return io.env["DOCKER_CONFIG"] || `${io.env["HOME"] ?? "/root"}/.docker`;
}

export class ConfigFile {
  readonly path: string;
  readonly #io: CliIo;
  readonly #directory: string;
  #fields: Fields;

  private constructor(io: CliIo, directory: string, fields: Fields) {
    this.#io = io;
    this.#directory = directory;
    this.path = `${directory}/config.json`;
    this.#fields = fields;
  }

  /** Reads it; one that is not there is empty. Throws `invalid`. */
  static read(io: CliIo): ConfigFile {
    const directory = configDirectory(io);
    const path = `${directory}/config.json`;
    const bytes = readBytes(io, path);
    const fields = bytes === undefined ? new Map() : decodeConfiguration(path, bytes, form);
    return new ConfigFile(io, directory, fields);
  }

  /** The program that keeps the secrets of a registry: its own, or that of all. */
  helperFor(server: string): string {
    const own = textOf(fieldsOf(this.#fields.get("credHelpers")).get(server));
    return own === "" ? textOf(this.#fields.get("credsStore")) : own;
  }

  login(server: string): StoredLogin | undefined {
    const entry = fieldsOf(this.#fields.get("auths")).get(server);
    if (entry === undefined) return undefined;
    const fields = fieldsOf(entry);
    return { auth: textOf(fields.get("auth")), identityToken: textOf(fields.get("identitytoken")) };
  }

  /** Registries with a program of their own. */
  get helped(): readonly string[] {
    return [...fieldsOf(this.#fields.get("credHelpers")).keys()];
  }

  get servers(): readonly string[] {
    return [...fieldsOf(this.#fields.get("auths")).keys()];
  }

  /** Undefined takes the entry away. */
  setLogin(server: string, login: Partial<StoredLogin> | undefined): void {
    const auths = new Map(fieldsOf(this.#fields.get("auths")));
    if (login === undefined) auths.delete(server);
    else {
      auths.set(server, {
        ...(login.auth === undefined || login.auth === "" ? {} : { auth: login.auth }),
        ...(login.identityToken === undefined || login.identityToken === ""
          ? {}
          : { identitytoken: login.identityToken }),
      });
    }
    this.#fields = new Map([...this.#fields, ["auths", Object.fromEntries(auths)]]);
    this.#write();
  }

  #write(): void {
    this.#io.makeDirectory(this.#directory, privateDirectory);
    using file = this.#io.beginFile(this.path);
    const text = formatExactJson(Object.fromEntries(this.#fields), 1);
    // By tabs, as Docker writes it.
    const indented = text.replace(/^ +/gm, (blanks) => "\t".repeat(blanks.length));
    file.write(new TextEncoder().encode(`${indented}\n`));
    file.finish();
  }
}
