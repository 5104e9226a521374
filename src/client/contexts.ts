/**
 * Named engines, in the files of Docker's command line, so that what one of the two programs has made the other one has too:
 * `contexts/meta/ID/meta.json` and `contexts/tls/ID/docker/*.pem` below the directory of its configuration, ID being the
 * SHA-256 of the name. Which one is the current one each program knows for itself; this one in `tiffin.json` beside them.
 */
import { createHash } from "node:crypto";
import { mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type ConfigurationForm, readConfiguration } from "../lib/configuration.ts";
import { type Decoded, type Decoder, decoderKit, optional } from "../lib/decoders.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { readWrittenFile } from "../lib/written-file.ts";
import { errnoOf } from "./api-error.ts";
import { defaultEndpointText, type Endpoint, parseEndpoint, type TlsSettings } from "./endpoint.ts";

export const defaultContext = "default";
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.+-]+$/;
const secretMode = 0o600;
const directoryMode = 0o700;

const { closed, flag, mapOf, nullable, object, text } = decoderKit({
  code: "client.context-file",
  whole: "document",
  shownLength: 60,
  limitElements: 1 << 10,
  allowsNul: false,
  nullIsEmpty: true,
});
// Programs keep what they like in `Metadata`, and endpoints of other kinds: those of Kubernetes once.
const endpointDocument = closed({ Host: optional(text), SkipTLSVerify: optional(flag) }, { slipsOnly: true });
const metaDocument = closed(
  {
    Name: text,
    Metadata: optional(nullable(object({ Description: optional(text) }))),
    Endpoints: mapOf(nullable(endpointDocument)),
  },
  { slipsOnly: true },
);
type MetaDocument = Decoded<typeof metaDocument>;
const currentDocument = closed({ currentContext: optional(text) });

function formOf<T>(decode: Decoder<T>): ConfigurationForm<T> {
  return { code: "client.context-file", decode, exitCode: 1 };
}

const tlsFiles = { ca: "ca.pem", cert: "cert.pem", key: "key.pem" } as const;

export interface Context {
  readonly name: string;
  readonly description: string;
  readonly host: string;
  readonly skipTlsVerify: boolean;
  /** PEM texts, where it has any. */
  readonly tls: Omit<TlsSettings, "verify">;
}

export class ContextStore {
  readonly #directory: string;

  /** `directory`: DOCKER_CONFIG, or `.docker` in the home directory. */
  constructor(directory: string) {
    this.#directory = directory;
  }

  /** All of them by name; the default one, which is in no file, is not among them. */
  list(): readonly Context[] {
    const ids = namesIn(join(this.#directory, "contexts/meta"));
    const found = ids.flatMap((id) => this.#read(id) ?? []);
    return found.sort((a, b) => (a.name < b.name ? -1 : 1));
  }

  /** Throws `notFound`. */
  get(name: string): Context {
    const found = this.#read(idOf(name));
    if (found !== undefined) return found;
    const text = `context ${JSON.stringify(name)} does not exist`;
    throw new TiffinError("notFound", "client.no-context", text, { remedy: "see: tiffin context ls" });
  }

  create(context: Context): void {
    const { name } = context;
    checkName(name);
    const id = idOf(name);
    const meta = join(this.#directory, "contexts/meta", id);
    if (namesIn(join(this.#directory, "contexts/meta")).includes(id)) {
      throw new TiffinError(
        "conflict",
        "client.context-exists",
        `context ${JSON.stringify(name)} already exists`,
      );
    }
    // What cannot be used later is not written down.
    endpointOf(context);
    const document: MetaDocument = {
      Name: name,
      Metadata: { Description: context.description },
      Endpoints: { docker: { Host: context.host, SkipTLSVerify: context.skipTlsVerify } },
    };
    const tls = join(this.#directory, "contexts/tls", id, "docker");
    for (const [part, file] of Object.entries(tlsFiles)) {
      const content = context.tls[part as keyof typeof tlsFiles];
      if (content === undefined) continue;
      mkdirSync(tls, { recursive: true, mode: directoryMode });
      writeFileSync(join(tls, file), content, { mode: secretMode });
    }
    mkdirSync(meta, { recursive: true, mode: directoryMode });
    writeWhole(join(meta, "meta.json"), JSON.stringify(document));
  }

  /** Throws `notFound`, and `conflict` for the current one unless it is forced. */
  remove(name: string, force: boolean): void {
    if (name === defaultContext) {
      throw new TiffinError("invalid", "client.context-default", "the context default cannot be removed");
    }
    this.#checkMayGo(name, force);
    const isCurrent = this.current() === name;
    if (isCurrent && !force) {
      throw new TiffinError(
        "conflict",
        "client.context-in-use",
        `context ${JSON.stringify(name)} is in use`,
        {
          remedy: "use another one, or give --force",
        },
      );
    }
    if (isCurrent) this.use(defaultContext);
    for (const kind of ["meta", "tls"]) {
      rmSync(join(this.#directory, "contexts", kind, idOf(name)), { recursive: true, force: true });
    }
  }

  /** The name of the one that is used where nothing is said. */
  current(): string {
    return readConfiguration(this.#currentFile, formOf(currentDocument))?.currentContext || defaultContext;
  }

  use(name: string): void {
    if (name === defaultContext) {
      rmSync(this.#currentFile, { force: true });
      return;
    }
    this.get(name);
    mkdirSync(this.#directory, { recursive: true, mode: directoryMode });
    writeWhole(this.#currentFile, `${JSON.stringify({ currentContext: name })}\n`);
  }

  get #currentFile(): string {
    return join(this.#directory, "tiffin.json");
  }

  /** One whose file is broken cannot be used, but must not stay for ever. */
  #checkMayGo(name: string, force: boolean): void {
    try {
      this.get(name);
    } catch (thrown) {
      if (!force || !(thrown instanceof TiffinError) || thrown.kind !== "invalid") throw thrown;
    }
  }

  /** Undefined when there is none. Throws `invalid` for files that are not what they should be. */
  #read(id: string): Context | undefined {
    const file = join(this.#directory, "contexts/meta", id, "meta.json");
    const meta = readConfiguration(file, formOf(metaDocument));
    if (meta === undefined) return undefined;
    const endpoint = meta.Endpoints["docker"];
    return {
      name: meta.Name,
      description: meta.Metadata?.Description ?? "",
      host: endpoint?.Host || defaultEndpointText,
      skipTlsVerify: endpoint?.SkipTLSVerify ?? false,
      tls: readTls(join(this.#directory, "contexts/tls", id, "docker")),
    };
  }
}

/** Where the engine of a context listens. Throws `invalid`. */
export function endpointOf({ host, tls, skipTlsVerify }: Context): Endpoint {
  const hasTls = tls.ca !== undefined || tls.cert !== undefined || tls.key !== undefined;
  return parseEndpoint(host, hasTls ? { ...tls, verify: !skipTlsVerify } : undefined);
}

/** Those of `ca.pem`, `cert.pem` and `key.pem` in `directory` that are there. */
export function readTls(directory: string): Omit<TlsSettings, "verify"> {
  const [ca, cert, key] = Object.values(tlsFiles).map((name) => {
    const file = join(directory, name);
    try {
      return readWrittenFile(file);
    } catch (thrown) {
      throw new TiffinError("invalid", "client.certificates", `${file}: ${messageOf(thrown)}`);
    }
  });
  return { ca, cert, key };
}

function idOf(name: string): string {
  return createHash("sha256").update(name).digest("hex");
}

function checkName(name: string): void {
  if (name !== defaultContext && namePattern.test(name)) return;
  throw new TiffinError(
    "invalid",
    "client.context-name",
    name === defaultContext
      ? "the context default is the engine of this machine, and cannot be made"
      : `invalid context name ${JSON.stringify(name)}: wanted two characters or more of a-z A-Z 0-9 _ . + -, the first a letter or digit`,
  );
}

function namesIn(directory: string): readonly string[] {
  try {
    return readdirSync(directory);
  } catch (thrown) {
    if (errnoOf(thrown) === "ENOENT") return [];
    throw thrown;
  }
}

/** Readers see the old content or the new one. */
function writeWhole(file: string, content: string): void {
  writeFileSync(`${file}.new`, content, { mode: secretMode });
  renameSync(`${file}.new`, file);
}
