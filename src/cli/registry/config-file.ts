/**
 * Docker's `config.json`, as far as it is about registries: who is logged in where, and which programs keep the secrets. What else is
 * in the file stays in it, byte for byte in meaning.
 */
import { errnoOf } from "../../client/api-error.ts";
import { messageOf } from "../../lib/errors.ts";
import { formatExactJson, parseExactJson } from "../../lib/exact-json.ts";
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

  /** Reads it; one that is not there is empty. Throws for one that is no JSON. */
  static read(io: CliIo): ConfigFile {
    const directory = configDirectory(io);
    const path = `${directory}/config.json`;
    try {
      const text = new TextDecoder().decode(io.readFile(path));
      return new ConfigFile(io, directory, fieldsOf(text.trim() === "" ? {} : parseExactJson(text)));
    } catch (thrown) {
      if (errnoOf(thrown) === "ENOENT" || errnoOf(thrown) === "ENOTDIR")
        return new ConfigFile(io, directory, new Map());
      throw new Error(`cannot read ${path}: ${messageOf(thrown)}`);
    }
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
