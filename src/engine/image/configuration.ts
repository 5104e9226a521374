/**
 * From an OCI image configuration document to an `Image`. The document is somebody else's in general, so every
 * field is checked before it is believed; what containers do not use is ignored. Pure.
 */
import { TiffinError } from "../../lib/errors.ts";
import type { Image, ImageConfig } from "./image.ts";

const diffIdPattern = /^sha256:([0-9a-f]{64})$/;

type Json = Readonly<Record<string, unknown>>;

/** Throws `invalid` (`image.bad-configuration`) naming the field that is wrong. */
export function decodeConfiguration(id: string, document: string, size: number): Image {
  let parsed: unknown;
  try {
    parsed = JSON.parse(document);
  } catch (thrown) {
    throw bad("document", "JSON", thrown);
  }
  const root = record(parsed, "document");
  const rootfs = record(root["rootfs"], "rootfs");
  return {
    id,
    chain: texts(rootfs["diff_ids"], "rootfs.diff_ids").map((digest) => {
      const hex = diffIdPattern.exec(digest)?.[1];
      if (hex === undefined) throw bad("rootfs.diff_ids", "sha256 digests");
      return hex;
    }),
    config: decodeConfig(record(root["config"] ?? {}, "config")),
    architecture: text(root["architecture"], "architecture"),
    os: text(root["os"], "os"),
    created: root["created"] === undefined ? "1970-01-01T00:00:00Z" : text(root["created"], "created"),
    author: root["author"] === undefined ? "" : text(root["author"], "author"),
    size,
  };
}

const textFields = ["User", "WorkingDir", "StopSignal"] as const;
const listFields = ["Env", "Entrypoint", "Cmd", "Shell"] as const;
const setFields = ["ExposedPorts", "Volumes"] as const;

/** Null is how Go writes an absent list. */
function decodeConfig(config: Json): ImageConfig {
  const result: { -readonly [K in keyof ImageConfig]: ImageConfig[K] } = {};
  for (const name of textFields) {
    if (config[name] != null) result[name] = text(config[name], `config.${name}`);
  }
  for (const name of listFields) {
    if (config[name] != null) result[name] = texts(config[name], `config.${name}`);
  }
  for (const name of setFields) {
    if (config[name] == null) continue;
    const keys = Object.keys(record(config[name], `config.${name}`));
    result[name] = Object.fromEntries(keys.map((key) => [key, {}]));
  }
  if (config["Labels"] != null) {
    const labels = Object.entries(record(config["Labels"], "config.Labels"));
    result.Labels = Object.fromEntries(labels.map(([key, value]) => [key, text(value, "config.Labels")]));
  }
  return result;
}

function record(value: unknown, field: string): Json {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) {
    // An object that is not an array has string keys and unknown values.
    return value as Json;
  }
  throw bad(field, "an object");
}

function text(value: unknown, field: string): string {
  if (typeof value === "string" && !value.includes("\0")) return value;
  throw bad(field, "a string without NUL");
}

function texts(value: unknown, field: string): string[] {
  if (!Array.isArray(value)) throw bad(field, "a list of strings");
  return value.map((item: unknown) => text(item, field));
}

function bad(field: string, wanted: string, cause?: unknown): TiffinError {
  return new TiffinError(
    "invalid",
    "image.bad-configuration",
    `image configuration: ${field} is not ${wanted}`,
    cause === undefined ? {} : { cause },
  );
}
