/** The attributes of BuildKit's Dockerfile frontend as a request of our builder's. Unknown ones are left, as BuildKit leaves them. */
import { TiffinError } from "../../lib/errors.ts";
import type { BuildRequest, BuildRunOptions, CacheImport } from "../build/mod.ts";

export type Attributes = ReadonlyMap<string, string>;

function invalid(text: string): TiffinError {
  return new TiffinError("invalid", "buildkit.attribute", text);
}

/** What stands behind a prefix, by what follows it in the name. */
export function withPrefix(attributes: Attributes, prefix: string): Record<string, string> {
  const found = [...attributes].filter(([name]) => name.startsWith(prefix));
  return Object.fromEntries(found.map(([name, value]) => [name.slice(prefix.length), value]));
}

/** Fields with commas in between, each perhaps in quotes. (RFC 4180) */
export function csvFields(line: string): string[] {
  const fields: string[] = [];
  const pattern = /(?:"((?:[^"]|"")*)"|([^",]*))(,|$)/y;
  while (pattern.lastIndex < line.length) {
    const match = pattern.exec(line);
    if (match === null) throw invalid(`not a list with commas: ${JSON.stringify(line)}`);
    fields.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? "");
    if (match[3] === "") break;
  }
  return fields;
}

function listOf(value: string | undefined): string[] {
  return (value ?? "").split(",").filter((one) => one !== "");
}

function wholeNumber(name: string, value: string): number {
  if (!/^[0-9]{1,15}$/.test(value)) throw invalid(`invalid ${name}: ${JSON.stringify(value)}`);
  return Number(value);
}

function extraHosts(value: string): string[] {
  return csvFields(value).map((field) => {
    const at = field.indexOf("=");
    if (at === -1) throw invalid(`invalid key-value pair ${field}`);
    return `${field.slice(0, at)}:${field.slice(at + 1)}`;
  });
}

function ulimits(value: string): { readonly Name: string; readonly Soft: number; readonly Hard: number }[] {
  return csvFields(value).map((field) => {
    const match = /^([a-z]+)=(-?[0-9]{1,15})(?::(-?[0-9]{1,15}))?$/.exec(field);
    if (match?.[1] === undefined || match[2] === undefined)
      throw invalid(`invalid ulimit argument: ${field}`);
    return { Name: match[1], Soft: Number(match[2]), Hard: Number(match[3] ?? match[2]) };
  });
}

const networkModes = new Set(["", "sandbox", "default", "none", "host"]);

function runOptions(attributes: Attributes): BuildRunOptions {
  const said = (name: string): string => attributes.get(name) ?? "";
  const network = said("force-network-mode");
  if (!networkModes.has(network)) throw invalid(`invalid netmode ${network}`);
  return {
    ...((network === "none" || network === "host") && { NetworkMode: network }),
    ...(said("add-hosts") !== "" && { ExtraHosts: extraHosts(said("add-hosts")) }),
    ...(said("shm-size") !== "" && { ShmSize: wholeNumber("shm-size", said("shm-size")) }),
    ...(said("cgroup-parent") !== "" && { CgroupParent: said("cgroup-parent") }),
    ...(said("ulimit") !== "" && { Ulimits: ulimits(said("ulimit")) }),
  };
}

/** An entry of `cache-from`; undefined for a kind that is passed over, as what is not there is. */
export function cacheImportOf(type: string, attributes: Attributes): CacheImport | undefined {
  const reference = attributes.get("ref") ?? "";
  const mounts = attributes.get("mounts") === "true";
  if (type === "registry" && reference !== "")
    return { kind: "registry", reference, ...(mounts && { mounts }) };
  return undefined;
}

function cacheImports(attributes: Attributes): CacheImport[] {
  const found: CacheImport[] = listOf(attributes.get("cache-from")).map((reference) => ({
    kind: "registry",
    reference,
  }));
  const list = attributes.get("cache-imports") ?? "";
  if (list === "") return found;
  let entries: unknown;
  try {
    entries = JSON.parse(list);
  } catch (cause) {
    throw new TiffinError("invalid", "buildkit.attribute", "cache-imports is no JSON", { cause });
  }
  if (!Array.isArray(entries)) throw invalid("cache-imports is no list");
  for (const entry of entries) {
    if (typeof entry !== "object" || entry === null) throw invalid("cache-imports has what is no entry");
    const { Type: type, Attrs: attrs } = entry as { readonly Type?: unknown; readonly Attrs?: unknown };
    if (typeof type !== "string" || typeof attrs !== "object" || attrs === null) continue;
    const texts = Object.entries(attrs).filter(
      (pair): pair is [string, string] => typeof pair[1] === "string",
    );
    const one = cacheImportOf(type, new Map(texts));
    if (one !== undefined) found.push(one);
  }
  return found;
}

/** @param attributes Of `dockerfile.v0`. Errors: `buildkit.attribute`. */
export function requestOf(
  attributes: Attributes,
  rest: Pick<BuildRequest, "entitlements" | "cacheFrom" | "cacheTo" | "outputs">,
): BuildRequest {
  const noCache = attributes.get("no-cache");
  return {
    dockerfile: attributes.get("filename") ?? "",
    arguments: withPrefix(attributes, "build-arg:"),
    target: attributes.get("target") ?? "",
    labels: withPrefix(attributes, "label:"),
    platforms: listOf(attributes.get("platform")),
    noCache: noCache === "",
    noCacheStages: listOf(noCache),
    pull: attributes.get("image-resolve-mode") === "pull",
    run: runOptions(attributes),
    ...rest,
    cacheFrom: [...cacheImports(attributes), ...rest.cacheFrom],
  };
}
