/** Image documents from registries and archives: hostile input, so every field is checked before it is believed. */
import { TiffinError } from "../../lib/errors.ts";
import { parseDigest } from "../digest.ts";
import {
  type ImageDocument,
  indexTypes,
  limitImageDocumentBytes,
  manifestTypes,
  mediaTypes,
  type OciDescriptor,
  type OciHealthcheck,
  type OciHistory,
  type OciImageConfig,
  type OciImageDefaults,
  type OciIndex,
  type OciManifest,
  type OciPlatform,
  schema1Types,
} from "../image-spec.ts";
import {
  type Decoder,
  flag,
  int32,
  integer,
  list,
  mapOf,
  object,
  oneOf,
  optional,
  required,
  text,
  wrong,
} from "./decoder.ts";
import { parseDocument } from "./json.ts";

const names = list(text);
const mostNames = 100_000;
const size = integer(0, Number.MAX_SAFE_INTEGER);
const duration = integer(-1, Number.MAX_SAFE_INTEGER);

export const digest: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (parseDigest(found) === undefined) throw wrong(path, value, "a digest such as sha256:<64 hex digits>");
  return found;
};

const schemaVersion: Decoder<2> = (value, path) => {
  if (value !== 2) throw wrong(path, value, "2");
  return 2;
};

/** A set of names, written as an object with empty objects; their values are not looked at, as in Go. */
const nameSet: Decoder<Readonly<Record<string, Record<string, never>>>> = (value, path) => {
  if (typeof value !== "object" || value === null || Array.isArray(value)) {
    throw wrong(path, value, "an object");
  }
  const found = Object.keys(value);
  if (found.length > mostNames) throw wrong(path, found.length, `an object of at most ${mostNames} entries`);
  // fromEntries defines own properties, so a key such as __proto__ stays data.
  return Object.fromEntries(found.map((name) => [text(name, `key of ${path}`), {}]));
};

/** `value` with an empty list for a list that Go left nil: null, or left out where `omitted` says it may be. */
function withEmptyList(value: unknown, name: string, omitted: boolean): unknown {
  if (typeof value !== "object" || value === null || Array.isArray(value)) return value;
  const fields = new Map<string, unknown>(Object.entries(value));
  const found = fields.get(name);
  const empty = fields.has(name) ? found === null : omitted;
  return empty ? { ...value, [name]: [] } : value;
}

const platform = object<OciPlatform>({
  architecture: required(text),
  os: required(text),
  "os.version": optional(text),
  "os.features": optional(names),
  variant: optional(text),
});

const descriptor = object<OciDescriptor>({
  mediaType: required(text),
  digest: required(digest),
  size: required(size),
  urls: optional(names),
  annotations: optional(mapOf(text)),
  data: optional(text),
  artifactType: optional(text),
  platform: optional(platform),
});

const indexFields = object<OciIndex>({
  schemaVersion: required(schemaVersion),
  mediaType: optional(text),
  artifactType: optional(text),
  manifests: required(list(descriptor)),
  subject: optional(descriptor),
  annotations: optional(mapOf(text)),
});

const index: Decoder<OciIndex> = (value, path) => indexFields(withEmptyList(value, "manifests", false), path);

const manifestFields = object<OciManifest>({
  schemaVersion: required(schemaVersion),
  mediaType: optional(text),
  artifactType: optional(text),
  config: required(descriptor),
  layers: required(list(descriptor)),
  subject: optional(descriptor),
  annotations: optional(mapOf(text)),
});

const manifest: Decoder<OciManifest> = (value, path) =>
  manifestFields(withEmptyList(value, "layers", false), path);

const healthcheck = object<OciHealthcheck>({
  Test: optional(names),
  Interval: optional(duration),
  Timeout: optional(duration),
  StartPeriod: optional(duration),
  StartInterval: optional(duration),
  Retries: optional(size),
});

const defaults = object<OciImageDefaults>({
  User: optional(text),
  ExposedPorts: optional(nameSet),
  Env: optional(names),
  Entrypoint: optional(names),
  Cmd: optional(names),
  Volumes: optional(nameSet),
  WorkingDir: optional(text),
  Labels: optional(mapOf(text)),
  StopSignal: optional(text),
  ArgsEscaped: optional(flag),
  Healthcheck: optional(healthcheck),
  OnBuild: optional(names),
  StopTimeout: optional(int32),
  Shell: optional(names),
});

const history = object<OciHistory>({
  created: optional(text),
  author: optional(text),
  created_by: optional(text),
  comment: optional(text),
  empty_layer: optional(flag),
});

const rootfs = object<OciImageConfig["rootfs"]>({
  type: required(oneOf(["layers"])),
  diff_ids: required(list(digest)),
});

const imageConfig = object<OciImageConfig>({
  created: optional(text),
  author: optional(text),
  architecture: required(text),
  os: required(text),
  "os.version": optional(text),
  "os.features": optional(names),
  variant: optional(text),
  config: optional(defaults),
  rootfs: required((value, path) => rootfs(withEmptyList(value, "diff_ids", true), path)),
  history: optional(list(history)),
  docker_version: optional(text),
  comment: optional(text),
});

/** Throws TiffinError invalid `oci.invalid-document`, as all of them do. */
export function decodeIndex(bytes: Uint8Array): OciIndex {
  return index(parseDocument(bytes, "the image index", limitImageDocumentBytes), "");
}

export function decodeManifest(bytes: Uint8Array): OciManifest {
  return manifest(parseDocument(bytes, "the image manifest", limitImageDocumentBytes), "");
}

export function decodeImageConfig(bytes: Uint8Array): OciImageConfig {
  return imageConfig(parseDocument(bytes, "the image configuration", limitImageDocumentBytes), "");
}

/** An image by its manifest's digest is one thing and must not be another to somebody who reads other fields. */
function refuseAmbiguous(fields: ReadonlyMap<string, unknown>, kind: ImageDocument["kind"]): void {
  const foreign = (kind === "manifest" ? ["manifests"] : ["config", "layers"]).find((name) =>
    fields.has(name),
  );
  if (foreign === undefined) return;
  throw new TiffinError(
    "invalid",
    "oci.invalid-document",
    `the ${kind === "manifest" ? "image manifest" : "image index"} also has ${foreign}: it could be read as both a manifest and an index`,
  );
}

function kindOf(mediaType: string | undefined): ImageDocument["kind"] | undefined {
  if (mediaType === undefined) return undefined;
  if (indexTypes.includes(mediaType)) return "index";
  return manifestTypes.includes(mediaType) ? "manifest" : undefined;
}

/**
 * A manifest or an index. What the document calls itself counts; then `givenType`, what it was sent or listed as; then its
 * shape. Documents of Docker's schema 1 are refused by name.
 */
export function decodeImageDocument(bytes: Uint8Array, givenType?: string): ImageDocument {
  const document = parseDocument(bytes, "the image manifest", limitImageDocumentBytes);
  if (typeof document !== "object" || document === null || Array.isArray(document)) {
    throw wrong("", document, "an object");
  }
  const fields = new Map<string, unknown>(Object.entries(document));
  const schema1 = fields.get("schemaVersion") === 1 || fields.has("fsLayers");
  const own = fields.get("mediaType");
  const ownType = typeof own === "string" && own !== "" ? own : undefined;
  if (schema1 || schema1Types.includes(ownType ?? givenType ?? "")) throw schema1Refused();
  const ownKind = kindOf(ownType);
  const givenKind = kindOf(givenType);
  if (ownKind !== undefined && givenKind !== undefined && ownKind !== givenKind) {
    throw wrong("mediaType", ownType, `what it was sent as, ${givenType}`);
  }
  if (ownType !== undefined && ownKind === undefined) {
    throw wrong("mediaType", ownType, `one of ${[...manifestTypes, ...indexTypes].join(", ")}`);
  }
  const kind = ownKind ?? givenKind ?? (fields.has("manifests") ? "index" : "manifest");
  refuseAmbiguous(fields, kind);
  const givenIsKnown = givenKind === kind ? givenType : undefined;
  const mediaType = ownType ?? givenIsKnown ?? mediaTypes[kind];
  return kind === "index"
    ? { kind, mediaType, index: index(document, "") }
    : { kind, mediaType, manifest: manifest(document, "") };
}

function schema1Refused(): TiffinError {
  return new TiffinError(
    "invalid",
    "oci.schema-1",
    "the image manifest is of Docker's schema 1, which has no configuration whose digest could name the image and is not read",
    {
      remedy:
        "push the image again with docker 1.10 or newer, or convert it: skopeo copy --format v2s2 docker://OLD docker://NEW",
    },
  );
}
