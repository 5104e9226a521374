import { expect, test } from "bun:test";
import { mediaTypes } from "../image-spec.ts";
import { decodeImageConfig, decodeIndex, decodeManifest } from "./image-spec.ts";

const bytes = (document: unknown): Uint8Array => new TextEncoder().encode(JSON.stringify(document));
const digest = `sha256:${"a".repeat(64)}`;
const descriptor = { mediaType: mediaTypes.layerGzip, digest, size: 10 };

test("a manifest with its configuration and layers", () => {
  const manifest = {
    schemaVersion: 2,
    config: { ...descriptor, mediaType: mediaTypes.config },
    layers: [descriptor],
  };
  expect(decodeManifest(bytes(manifest))).toEqual(manifest as ReturnType<typeof decodeManifest>);
});

test("an index with platforms", () => {
  const platform = { architecture: "arm64", os: "linux", variant: "v8" };
  const index = { schemaVersion: 2, manifests: [{ ...descriptor, platform }] };
  expect(decodeIndex(bytes(index)).manifests[0]?.platform).toEqual(platform);
});

test("an image configuration; unknown fields go, defaults stay", () => {
  const config = {
    architecture: "amd64",
    os: "linux",
    container: "0123",
    config: {
      Env: ["A=1"],
      Cmd: ["sh"],
      Volumes: { "/data": {} },
      ExposedPorts: { "80/tcp": {} },
      Labels: null,
    },
    rootfs: { type: "layers", diff_ids: [digest] },
  };
  expect(decodeImageConfig(bytes(config))).toEqual({
    architecture: "amd64",
    os: "linux",
    config: { Env: ["A=1"], Cmd: ["sh"], Volumes: { "/data": {} }, ExposedPorts: { "80/tcp": {} } },
    rootfs: { type: "layers", diff_ids: [digest] },
  });
});

test("hostile values are refused by name", () => {
  const refuse = (document: unknown, message: string): void =>
    expect(() => decodeManifest(bytes(document))).toThrow(message);
  refuse({ schemaVersion: 1 }, "invalid schemaVersion: found 1, wanted 2");
  refuse(
    { schemaVersion: 2, config: { ...descriptor, digest: "sha256:../../etc" } },
    "invalid config.digest",
  );
  refuse({ schemaVersion: 2, config: { ...descriptor, size: -1 } }, "invalid config.size");
  refuse({ schemaVersion: 2, config: descriptor, layers: [{}] }, "invalid layers[0].mediaType");
});
