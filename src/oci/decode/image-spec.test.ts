import { describe, expect, test } from "bun:test";
import { limitImageDocumentBytes, mediaTypes } from "../image-spec.ts";
import { decodeImageConfig, decodeImageDocument, decodeIndex, decodeManifest } from "./image-spec.ts";

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

describe("a document whose kind is to be found out", () => {
  const manifest = { schemaVersion: 2, config: { ...descriptor, mediaType: mediaTypes.config }, layers: [] };
  const index = { schemaVersion: 2, manifests: [] };

  test("says itself what it is, or how it was sent, or shows it", () => {
    expect(decodeImageDocument(bytes(manifest)).mediaType).toBe(mediaTypes.manifest);
    expect(decodeImageDocument(bytes(index)).kind).toBe("index");
    expect(decodeImageDocument(bytes(index), mediaTypes.dockerManifestList).mediaType).toBe(
      mediaTypes.dockerManifestList,
    );
    const own = { ...manifest, mediaType: mediaTypes.dockerManifest };
    expect(decodeImageDocument(bytes(own), "application/json").mediaType).toBe(mediaTypes.dockerManifest);
  });

  test("is refused when it can be read as two things", () => {
    const both = { ...manifest, manifests: [] };
    expect(() => decodeImageDocument(bytes(both))).toThrow("the image index also has config");
    expect(() => decodeImageDocument(bytes(both), mediaTypes.manifest)).toThrow(
      "the image manifest also has manifests",
    );
    expect(() =>
      decodeImageDocument(bytes({ ...index, mediaType: mediaTypes.index }), mediaTypes.manifest),
    ).toThrow("wanted what it was sent as");
    expect(() => decodeImageDocument(bytes({ ...manifest, mediaType: "text/plain" }))).toThrow(
      'invalid mediaType: found "text/plain"',
    );
  });

  test("is refused by name when it is of schema 1", () => {
    for (const [document, type] of [
      [{ schemaVersion: 1, fsLayers: [] }, undefined],
      [{ schemaVersion: 2, mediaType: mediaTypes.dockerSchema1Signed }, undefined],
      [{}, mediaTypes.dockerSchema1],
    ] as const) {
      let thrown: unknown;
      try {
        decodeImageDocument(bytes(document), type);
      } catch (error) {
        thrown = error;
      }
      expect(thrown).toMatchObject({ kind: "invalid", code: "oci.schema-1" });
    }
  });

  test("is refused unread when it is too large", () => {
    expect(() => decodeImageDocument(new Uint8Array(limitImageDocumentBytes + 1))).toThrow(
      `the image manifest has ${limitImageDocumentBytes + 1} bytes, at most ${limitImageDocumentBytes} are read`,
    );
  });
});

test("lists that Go left nil are empty, names with a null value stay names", () => {
  const none = { schemaVersion: 2, config: { ...descriptor, mediaType: mediaTypes.config }, layers: null };
  expect(decodeManifest(bytes(none)).layers).toEqual([]);
  const config = {
    architecture: "amd64",
    os: "linux",
    docker_version: "28.2.2",
    config: {
      Volumes: { "/data": null, __proto__x: {} },
      StopTimeout: 5,
      Healthcheck: { Test: ["NONE"] },
      OnBuild: ["RUN true"],
      Shell: ["/bin/sh", "-c"],
      ArgsEscaped: true,
    },
    rootfs: { type: "layers" },
    history: null,
  };
  expect(decodeImageConfig(bytes(config))).toEqual({
    architecture: "amd64",
    os: "linux",
    docker_version: "28.2.2",
    config: {
      Volumes: { "/data": {}, __proto__x: {} },
      StopTimeout: 5,
      Healthcheck: { Test: ["NONE"] },
      OnBuild: ["RUN true"],
      Shell: ["/bin/sh", "-c"],
      ArgsEscaped: true,
    },
    rootfs: { type: "layers", diff_ids: [] },
  });
});
