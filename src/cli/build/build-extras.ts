/** Options of `build` that Docker's classic route has no words for, as the document that goes with the request. */
import { errnoOf } from "../../client/api-error.ts";
import { commaPairs } from "../../docker/comma-fields.ts";
import type { BuildExtras } from "../../docker/types/build.ts";
import { own } from "../../lib/own.ts";
import type { CliIo } from "../io.ts";

export interface ExtraFlags {
  readonly allow: readonly string[];
  readonly "build-context": readonly string[];
  readonly "cache-from": readonly string[];
  readonly "cache-to": readonly string[];
  readonly debug: string;
  readonly "metadata-file": string;
  readonly "no-cache-filter": readonly string[];
  readonly output: readonly string[];
  readonly platform: string;
  readonly secret: readonly string[];
  readonly ssh: readonly string[];
  readonly why: boolean;
}

const limitSecretBytes = 40_000;

/** Throws `Error` for an option that says nothing. */
export function buildExtrasOf(io: CliIo, values: ExtraFlags): BuildExtras {
  const extras: BuildExtras = {
    ...some("Secrets", Object.fromEntries(values.secret.map((one) => secretOf(io, one)))),
    ...some("Agents", Object.fromEntries(values.ssh.map((one) => agentOf(io, one)))),
    ...some(
      "Contexts",
      Object.fromEntries(values["build-context"].map(contextOf).filter(([, place]) => isElsewhere(place))),
    ),
    ...some("Allow", values.allow),
    ...some(
      "NoCacheStages",
      values["no-cache-filter"].flatMap((one) => one.split(",")),
    ),
    ...(values.platform.includes(",") && { Platforms: values.platform.split(",") }),
    ...some("Outputs", values.output.map(outputOf)),
    ...some(
      "CacheFrom",
      values["cache-from"].map((one) => cacheOf(io, one)),
    ),
    ...some(
      "CacheTo",
      values["cache-to"].map((one) => cacheOf(io, one)),
    ),
    ...(values.why && { Why: true }),
    ...(values["metadata-file"] !== "" && { Metadata: true }),
    ...(values.debug !== "" && { KeepFailed: values.debug }),
  };
  if (JSON.stringify(extras).length > limitSecretBytes) {
    throw new Error(
      `secrets and other options of a build are more than ${limitSecretBytes} characters together`,
    );
  }
  return extras;
}

/** Nothing for what is empty. */
function some<K extends string, T extends object>(key: K, value: T): { readonly [name in K]?: T } {
  // The one property is that of `key`.
  return (Object.keys(value).length === 0 ? {} : { [key]: value }) as { readonly [name in K]?: T };
}

function secretOf(io: CliIo, text: string): [string, string] {
  const pairs = commaPairs(text);
  const id = pairs.get("id") ?? "";
  if (id === "") throw new Error(`invalid secret ${JSON.stringify(text)}: wanted id=ID[,src=FILE|,env=NAME]`);
  const variable = pairs.get("env") ?? (pairs.get("type") === "env" ? id : undefined);
  const file = pairs.get("src") ?? pairs.get("source");
  const named = variable ?? (file === undefined && own(io.env, id) !== undefined ? id : undefined);
  if (named !== undefined) {
    const value = own(io.env, named);
    if (value === undefined) throw new Error(`secret ${id}: there is no variable ${named}`);
    return [id, Buffer.from(value).toString("base64")];
  }
  return [id, Buffer.from(read(io, file ?? id, `secret ${id}`)).toString("base64")];
}

function read(io: CliIo, path: string, what: string): Uint8Array {
  try {
    return io.readFile(absolute(io, path));
  } catch (thrown) {
    if (errnoOf(thrown) !== "ENOENT") throw thrown;
    throw new Error(`${what}: there is no file ${path}`);
  }
}

function absolute(io: CliIo, path: string): string {
  return path.startsWith("/") ? path : `${io.cwd}/${path}`;
}

/** The engine connects to the socket itself, so it has to be on its host. */
function agentOf(io: CliIo, text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals !== -1) return [text.slice(0, equals), absolute(io, text.slice(equals + 1))];
  const socket = own(io.env, "SSH_AUTH_SOCK");
  if (socket === undefined) throw new Error(`ssh agent ${text}: the variable SSH_AUTH_SOCK is not set`);
  return [text, socket];
}

function contextOf(text: string): [string, string] {
  const equals = text.indexOf("=");
  if (equals < 1) throw new Error(`invalid build context ${JSON.stringify(text)}: wanted NAME=PLACE`);
  return [text.slice(0, equals), text.slice(equals + 1)];
}

function isElsewhere(place: string): boolean {
  return /^[a-z0-9+.-]+:\/\/|^git@/.test(place);
}

/** Contexts that are directories, by their names. Throws `Error` for one that is none. */
export function directoriesIn(io: CliIo, contexts: readonly string[]): ReadonlyMap<string, string> {
  const directories = contexts.map(contextOf).filter(([, place]) => !isElsewhere(place));
  return new Map(
    directories.map(([name, place]) => {
      const path = absolute(io, place);
      if (io.pathKind(path) !== "directory")
        throw new Error(`build context ${name}: path ${JSON.stringify(place)} is not a directory`);
      return [name, path];
    }),
  );
}

/** Where it is written is nothing to the engine. */
function outputOf(text: string): { Type: string; Attributes: Record<string, string> } {
  const { type = "local", dest: _, destination: __, ...attributes } = Object.fromEntries(outputPairs(text));
  return { Type: type, Attributes: attributes };
}

/** A path alone is a directory, and `-` is an archive to standard output. */
export function outputPairs(text: string): Map<string, string> {
  if (text === "-")
    return new Map([
      ["type", "tar"],
      ["dest", "-"],
    ]);
  if (!text.includes("="))
    return new Map([
      ["type", "local"],
      ["dest", text],
    ]);
  return commaPairs(text);
}

interface CachePlace {
  readonly Type: string;
  readonly Reference: string;
  readonly Max?: boolean;
  readonly Mounts?: boolean;
  readonly IgnoreError?: boolean;
}

const cacheOptions = ["type", "ref", "src", "dest", "mode", "mounts", "ignore-error"];

/** A directory is of the engine's host. */
function cacheOf(io: CliIo, text: string): CachePlace {
  const pairs = text.includes("=") ? commaPairs(text) : new Map([["ref", text]]);
  const unknown = [...pairs.keys()].find((key) => !cacheOptions.includes(key));
  if (unknown !== undefined) {
    throw new Error(
      `cache ${JSON.stringify(text)}: unknown option ${unknown} (there are: ${cacheOptions.join(", ")})`,
    );
  }
  const mode = pairs.get("mode") ?? "min";
  if (!["min", "max"].includes(mode)) {
    throw new Error(`cache ${JSON.stringify(text)}: unknown mode ${mode} (there are: min, max)`);
  }
  const kind = pairs.get("type") ?? "registry";
  const place = pairs.get("ref") ?? pairs.get("src") ?? pairs.get("dest") ?? "";
  if (place === "" && kind !== "inline")
    throw new Error(`cache ${JSON.stringify(text)}: wanted ref=, src= or dest=`);
  return {
    Type: kind,
    Reference: kind === "local" ? absolute(io, place) : place,
    ...(mode === "max" && { Max: true }),
    ...(pairs.get("mounts") === "true" && { Mounts: true }),
    ...(pairs.get("ignore-error") === "true" && { IgnoreError: true }),
  };
}
