/**
 * Manifests, indexes and configurations of images with an odd value in each of their places, with places left out, and with
 * their bytes changed: each is a document or an `invalid` error in words, and what is a document is one again when it is written.
 */
import { describe, expect, test } from "bun:test";
import { parseReference } from "../../src/docker/reference.ts";
import { parseChallenges } from "../../src/engine/registry/www-authenticate.ts";
import { TiffinError } from "../../src/lib/errors.ts";
import { formatExactJson } from "../../src/lib/exact-json.ts";
import { decodeImageConfig, decodeImageDocument } from "../../src/oci/decode/image-spec.ts";
import { choosePlatform, parsePlatform, platformOfMachine, runsOn } from "../../src/oci/mod.ts";
import { oddScalars, oddStructures } from "./odd-values.ts";

const digest = `sha256:${"a".repeat(64)}`;
const host = platformOfMachine("x86_64");
const descriptor = {
  mediaType: "application/vnd.oci.image.layer.v1.tar+gzip",
  digest,
  size: 10,
  urls: ["https://a.example"],
  annotations: { a: "b" },
  data: "e30=",
  platform: { architecture: "arm", os: "linux", variant: "v7", "os.version": "1", "os.features": ["x"] },
};
const manifest = {
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: { ...descriptor, mediaType: "application/vnd.oci.image.config.v1+json" },
  layers: [descriptor, descriptor],
  subject: descriptor,
  annotations: { c: "d" },
};
const index = {
  schemaVersion: 2,
  mediaType: "application/vnd.docker.distribution.manifest.list.v2+json",
  manifests: [descriptor, { ...descriptor, platform: { architecture: "unknown", os: "unknown" } }],
};
const configuration = {
  created: "2020-01-01T00:00:00Z",
  author: "a",
  architecture: "amd64",
  os: "linux",
  variant: "v2",
  docker_version: "28",
  comment: "c",
  config: {
    User: "1:2",
    ExposedPorts: { "80/tcp": {} },
    Env: ["A=1"],
    Entrypoint: ["sh"],
    Cmd: ["-c"],
    Volumes: { "/data": {} },
    WorkingDir: "/",
    Labels: { a: "b" },
    StopSignal: "SIGTERM",
    ArgsEscaped: true,
    Healthcheck: {
      Test: ["CMD", "x"],
      Interval: 1,
      Timeout: 2,
      StartPeriod: 3,
      StartInterval: 4,
      Retries: 5,
    },
    OnBuild: ["RUN x"],
    StopTimeout: 3,
    Shell: ["sh"],
  },
  rootfs: { type: "layers", diff_ids: [digest] },
  history: [{ created: "x", author: "a", created_by: "b", comment: "c", empty_layer: true }],
};

const mark = "@@odd@@";

/** The document as text, with each of its values in turn replaced by a mark or left out. */
function* spots(document: unknown): Generator<string> {
  if (typeof document !== "object" || document === null) return;
  for (const [key, value] of Object.entries(document)) {
    const replaced = (next: unknown): unknown =>
      Array.isArray(document)
        ? document.map((each: unknown, at) => (String(at) === key ? next : each))
        : { ...document, [key]: next };
    yield JSON.stringify(replaced(mark));
    yield JSON.stringify(replaced(undefined));
    for (const inner of spots(value))
      yield JSON.stringify(replaced("@@inner@@")).replace('"@@inner@@"', () => inner);
  }
}

function read(text: string | Uint8Array, decode: (bytes: Uint8Array) => unknown): unknown {
  try {
    return decode(typeof text === "string" ? new TextEncoder().encode(text) : text);
  } catch (thrown) {
    if (thrown instanceof TiffinError && thrown.kind === "invalid" && thrown.message !== "") return undefined;
    throw thrown;
  }
}

const decodeAny = (bytes: Uint8Array): unknown => {
  const found = decodeImageDocument(bytes);
  return found.kind === "index" ? found.index : found.manifest;
};

describe.each([
  ["a manifest", manifest, decodeAny],
  ["an index", index, decodeAny],
  ["a configuration", configuration, decodeImageConfig],
] as const)("%s", (_name, document, decode) => {
  test("with an odd value anywhere is a document or an error in words", () => {
    let accepted = 0;
    let refused = 0;
    for (const spot of spots(document)) {
      for (const odd of [...oddScalars, ...oddStructures]) {
        const found = read(
          spot.replace(`"${mark}"`, () => odd),
          decode,
        );
        if (found === undefined) refused += 1;
        else {
          accepted += 1;
          const again = decode(new TextEncoder().encode(formatExactJson(found)));
          expect(again).toEqual(found);
        }
      }
    }
    expect(accepted).toBeGreaterThan(1000);
    expect(refused).toBeGreaterThan(500);
  });

  test("with changed bytes is a document or an error in words", () => {
    const bytes = new TextEncoder().encode(JSON.stringify(document));
    for (let at = 0; at < bytes.length; at += 1) {
      for (const change of [0, 0x22, 0x5b, 0x7b, 0x7d, 0x80, 0xff]) {
        const changed = bytes.slice();
        changed[at] = change;
        read(changed, decode);
      }
      read(bytes.subarray(0, at), decode);
    }
  });
});

test("platforms, references and challenges with odd text are taken or refused in words", () => {
  const words = oddScalars.flatMap((odd) => {
    const value: unknown = JSON.parse(odd);
    return typeof value === "string" ? [value] : [];
  });
  words.push("constructor", "__proto__", "linux/constructor", "linux/__proto__/v7", "a/b@sha256:constructor");
  for (const word of words) {
    read("", () => parsePlatform(word, host));
    read("", () => parseReference(word));
    parseChallenges(word);
    parseChallenges(`Bearer ${word}="${word}",realm=${word}`);
    const platform = { os: word, architecture: word, variant: word };
    runsOn(platform, host);
    expect(
      choosePlatform(
        [
          { ...descriptor, platform },
          { mediaType: "x", digest, size: 1 },
        ],
        host,
      ).size,
    ).toBe(1);
  }
});
