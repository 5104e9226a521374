/** One pull, push or question: the endpoints of its reference, with the connections and tokens that live as long as it does. */
import { familiarName, type Reference } from "../../docker/reference.ts";
import { TiffinError } from "../../lib/errors.ts";
import {
  indexTypes,
  isDigest,
  limitImageDocumentBytes,
  manifestTypes,
  type OciDescriptor,
  parseDigest,
  schema1Types,
} from "../../oci/mod.ts";
import { Connection } from "./connection.ts";
import type {
  Credential,
  CredentialSource,
  FetchedManifest,
  OpenedUrl,
  RegistryLimits,
  RegistryOptions,
} from "./contract.ts";
import { checkDigest, sha256Of, wrongDigest } from "./digest-check.ts";
import type { Endpoint } from "./endpoint.ts";
import { isHtml, shownText } from "./error-body.ts";
import { Exchange, exchangeError } from "./exchange.ts";
import { Hosts, type Use } from "./hosts.ts";
import { openUrl } from "./open-url.ts";

export interface OperationOptions {
  readonly options: RegistryOptions;
  readonly limits: RegistryLimits;
  readonly credentials: CredentialSource | undefined;
  readonly signal: AbortSignal;
  readonly onRetry?: (reason: string) => void;
}

const accepted = [...indexTypes, ...manifestTypes, ...schema1Types].join(", ");
const notFound = 404;
const methodNotAllowed = 405;

export class Operation {
  readonly limits: RegistryLimits;
  readonly signal: AbortSignal;
  readonly hosts: Hosts;
  readonly #given: OperationOptions;
  readonly #exchange: Exchange;
  readonly #credentials = new Map<string, Promise<Credential | undefined>>();

  constructor(given: OperationOptions) {
    this.#given = given;
    this.limits = given.limits;
    this.signal = given.signal;
    this.hosts = new Hosts(given.options);
    this.#exchange = new Exchange(this.hosts, given.limits);
  }

  /** Connections to where `reference` can be had, in the order in which to try. */
  connections(reference: Reference, use: Use): Connection[] {
    const found = this.hosts.endpoints(reference, use).map((endpoint) => this.connect(endpoint));
    if (found.length > 0) return found;
    throw new TiffinError(
      "unavailable",
      "registry.no-endpoint",
      `no host is configured that ${use === "push" ? "takes" : "gives"} images of ${reference.domain}`,
    );
  }

  connect(endpoint: Endpoint, credential?: Credential, wantsIdentity = false): Connection {
    const { options, limits, onRetry } = this.#given;
    return new Connection({
      exchange: this.#exchange,
      limits,
      endpoint,
      userAgent: options.userAgent,
      credential: () =>
        credential === undefined ? this.#credential(endpoint.credentialHost) : Promise.resolve(credential),
      insecure: (url) => this.hosts.insecure(url),
      wantsIdentity,
      ...(onRetry === undefined ? {} : { onRetry }),
    });
  }

  /** Asked once; that of the request before that of the engine. */
  #credential(host: string): Promise<Credential | undefined> {
    const known = this.#credentials.get(host);
    if (known !== undefined) return known;
    const { credentials, options } = this.#given;
    const asked = (async () => (await credentials?.(host)) ?? (await options.credentials?.(host)))();
    this.#credentials.set(host, asked);
    return asked;
  }

  /** Tries one connection after the other; the last one's error is the error, with what the others said. */
  async first<T>(
    connections: readonly Connection[],
    work: (connection: Connection) => Promise<T>,
  ): Promise<T> {
    const failures: string[] = [];
    for (const [index, connection] of connections.entries()) {
      try {
        return await work(connection);
      } catch (thrown) {
        // What is no `TiffinError` is another's than the line's.
        if (!(thrown instanceof TiffinError) || thrown.kind === "cancelled" || this.signal.aborted)
          throw thrown;
        if (index + 1 >= connections.length) throw withMirrors(thrown, failures);
        failures.push(`mirror ${connection.endpoint.host}: ${thrown.message}`);
      }
    }
    throw new RangeError("no connection to try");
  }

  /** What the reference names, verified; and by which connection it came. */
  async manifest(
    connections: readonly Connection[],
    reference: Reference,
    digest = reference.digest,
  ): Promise<FetchedManifest & { readonly connection: Connection }> {
    return await this.first(connections, async (connection) => ({
      ...(await this.#manifestOf(connection, reference, digest)),
      connection,
    }));
  }

  /** What the registry says of the reference; undefined when it does not say enough. */
  async head(
    connection: Connection,
    reference: Reference,
  ): Promise<{ readonly digest: string; readonly mediaType: string; readonly size: number } | undefined> {
    const name = familiarName(reference);
    const answer = await connection.request({
      method: "HEAD",
      target: `manifests/${reference.digest ?? reference.tag ?? "latest"}`,
      headers: { Accept: accepted },
      accepts: [200, notFound, methodNotAllowed],
      what: `ask for the manifest of ${name} at ${connection.endpoint.host}`,
      signal: this.signal,
    });
    await answer.discard();
    if (answer.status === notFound) throw manifestUnknown(name);
    const digest = answer.headers.get("docker-content-digest") ?? "";
    const mediaType = answer.headers.get("content-type")?.split(";", 1)[0]?.trim() ?? "";
    const size = Number(answer.headers.get("content-length") ?? Number.NaN);
    const isKnown = [...indexTypes, ...manifestTypes].includes(mediaType);
    const isWhole = answer.status === 200 && isDigest(digest) && Number.isSafeInteger(size) && size > 0;
    if (!isKnown || !isWhole || (reference.digest !== undefined && reference.digest !== digest))
      return undefined;
    return { digest, mediaType, size };
  }

  async #manifestOf(
    connection: Connection,
    reference: Reference,
    digest: string | undefined,
  ): Promise<FetchedManifest> {
    const name = familiarName(reference);
    const { host } = connection.endpoint;
    const what = `fetch the manifest of ${name} from ${host}`;
    const answer = await connection.request({
      method: "GET",
      target: `manifests/${digest ?? reference.tag ?? "latest"}`,
      headers: { Accept: accepted },
      accepts: [200, notFound],
      what,
      signal: this.signal,
    });
    if (answer.status === notFound) {
      await answer.discard();
      throw manifestUnknown(name);
    }
    const bytes = await answer.bytes(limitImageDocumentBytes).catch((thrown: unknown) => {
      throw exchangeError(thrown, what, host);
    });
    const contentType = answer.headers.get("content-type") ?? "";
    const mediaType = contentType.split(";", 1)[0]?.trim().toLowerCase() ?? "";
    if (isHtml(Buffer.from(bytes.subarray(0, 1024)).toString(), mediaType)) {
      throw new TiffinError(
        "unavailable",
        "registry.not-a-registry",
        `cannot ${what}: the answer is an HTML page (${shownText(contentType)}) and no manifest`,
        {
          remedy:
            "something that is no registry answers there: a login page of the network, say, or a web site",
        },
      );
    }
    const wanted = digest ?? answer.headers.get("docker-content-digest") ?? undefined;
    return { digest: verified(bytes, wanted, `the manifest of ${name}`), mediaType, bytes };
  }

  async openUrl(url: URL, what: string): Promise<OpenedUrl> {
    const { userAgent } = this.#given.options;
    return await openUrl(this.#exchange, url, { userAgent, what, signal: this.signal });
  }

  /** A configuration or another small document, verified. */
  async smallBlob(connections: readonly Connection[], descriptor: OciDescriptor): Promise<Uint8Array> {
    const { digest, size, data } = descriptor;
    if (size > limitImageDocumentBytes) {
      throw new TiffinError(
        "invalid",
        "registry.too-large",
        `blob ${digest} has ${size} bytes, at most ${limitImageDocumentBytes} are read`,
      );
    }
    if (data !== undefined) {
      const inline = Buffer.from(data, "base64");
      if (inline.length === size) return checked(inline, digest);
    }
    return await this.first(connections, async (connection) => {
      const what = `fetch blob ${digest} from ${connection.endpoint.host}`;
      const answer = await connection.request({
        method: "GET",
        target: `blobs/${digest}`,
        accepts: [200],
        what,
        signal: this.signal,
      });
      const bytes = await answer.bytes(limitImageDocumentBytes).catch((thrown: unknown) => {
        throw exchangeError(thrown, what, connection.endpoint.host);
      });
      if (bytes.length !== size) {
        throw new TiffinError(
          "invalid",
          "registry.wrong-size",
          `blob ${digest} at ${connection.endpoint.host} has ${bytes.length} bytes, its manifest says ${size}`,
        );
      }
      return checked(bytes, digest);
    });
  }
}

function manifestUnknown(name: string): TiffinError {
  return new TiffinError(
    "notFound",
    "registry.manifest-unknown",
    `manifest for ${name} not found: manifest unknown: manifest unknown`,
  );
}

function checked(bytes: Uint8Array, digest: string): Uint8Array {
  const check = checkDigest(digest);
  check.update(bytes);
  check.verify(`blob ${digest}`);
  return bytes;
}

/** The digest that the bytes are known by, after it has been found right. */
function verified(bytes: Uint8Array, wanted: string | undefined, what: string): string {
  if (wanted === undefined || parseDigest(wanted) === undefined) return sha256Of(bytes);
  const { algorithm = "sha256" } = parseDigest(wanted) ?? {};
  const found = `${algorithm}:${new Bun.CryptoHasher(algorithm).update(bytes).digest("hex")}`;
  if (found !== wanted) throw wrongDigest(what, found, wanted);
  return found;
}

function withMirrors(error: TiffinError, failures: readonly string[]): TiffinError {
  if (failures.length === 0) return error;
  return new TiffinError(error.kind, error.code, `${error.message} (before: ${failures.join("; ")})`, {
    cause: error,
    ...(error.remedy === undefined ? {} : { remedy: error.remedy }),
  });
}
