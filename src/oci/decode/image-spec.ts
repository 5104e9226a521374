/** Image documents from registries and archives: hostile input, so every field is checked before it is believed. */
import type {
  OciDescriptor,
  OciHealthcheck,
  OciHistory,
  OciImageConfig,
  OciImageDefaults,
  OciIndex,
  OciManifest,
  OciPlatform,
} from "../image-spec.ts";
import {
  type Decoder,
  flag,
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
const size = integer(0, Number.MAX_SAFE_INTEGER);
const duration = integer(-1, Number.MAX_SAFE_INTEGER);
/** Registered algorithms; others cannot be verified and are refused. */
const digestPattern = /^(?:sha256:[0-9a-f]{64}|sha384:[0-9a-f]{96}|sha512:[0-9a-f]{128})$/;

export const digest: Decoder<string> = (value, path) => {
  const found = text(value, path);
  if (!digestPattern.test(found)) throw wrong(path, value, "a digest such as sha256:<64 hex digits>");
  return found;
};

const schemaVersion: Decoder<2> = (value, path) => {
  if (value !== 2) throw wrong(path, value, "2");
  return 2;
};

const emptyObject: Decoder<Record<string, never>> = (value, path) => {
  if (typeof value !== "object" || value === null) throw wrong(path, value, "an empty object");
  return {};
};

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

const index = object<OciIndex>({
  schemaVersion: required(schemaVersion),
  mediaType: optional(text),
  artifactType: optional(text),
  manifests: required(list(descriptor)),
  subject: optional(descriptor),
  annotations: optional(mapOf(text)),
});

const manifest = object<OciManifest>({
  schemaVersion: required(schemaVersion),
  mediaType: optional(text),
  artifactType: optional(text),
  config: required(descriptor),
  layers: required(list(descriptor)),
  subject: optional(descriptor),
  annotations: optional(mapOf(text)),
});

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
  ExposedPorts: optional(mapOf(emptyObject)),
  Env: optional(names),
  Entrypoint: optional(names),
  Cmd: optional(names),
  Volumes: optional(mapOf(emptyObject)),
  WorkingDir: optional(text),
  Labels: optional(mapOf(text)),
  StopSignal: optional(text),
  ArgsEscaped: optional(flag),
  Healthcheck: optional(healthcheck),
  OnBuild: optional(names),
  Shell: optional(names),
});

const history = object<OciHistory>({
  created: optional(text),
  author: optional(text),
  created_by: optional(text),
  comment: optional(text),
  empty_layer: optional(flag),
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
  rootfs: required(
    object<OciImageConfig["rootfs"]>({
      type: required(oneOf(["layers"])),
      diff_ids: required(list(digest)),
    }),
  ),
  history: optional(list(history)),
});

/** Throws TiffinError invalid `oci.invalid-document`, as all three do. */
export function decodeIndex(bytes: Uint8Array): OciIndex {
  return index(parseDocument(bytes, "the image index"), "");
}

export function decodeManifest(bytes: Uint8Array): OciManifest {
  return manifest(parseDocument(bytes, "the image manifest"), "");
}

export function decodeImageConfig(bytes: Uint8Array): OciImageConfig {
  return imageConfig(parseDocument(bytes, "the image configuration"), "");
}
