import { describe, expect, test } from "bun:test";
import { mediaTypes, type OciDescriptor } from "./image-spec.ts";
import { choosePlatform, formatPlatform, parsePlatform, platformOfMachine, runsOn } from "./platform.ts";

const host = platformOfMachine("x86_64");

test.each([
  ["linux/amd64", "linux/amd64"],
  ["linux/x86_64", "linux/amd64"],
  ["linux/amd64/v1", "linux/amd64"],
  ["Linux/AMD64/v2", "linux/amd64/v2"],
  ["linux/arm", "linux/arm/v7"],
  ["linux/arm/6", "linux/arm/v6"],
  ["linux/armhf", "linux/arm/v7"],
  ["linux/armel", "linux/arm/v6"],
  ["linux/arm64/v8", "linux/arm64"],
  ["aarch64", "linux/arm64"],
  ["linux", "linux/amd64"],
  ["windows/amd64", "windows/amd64"],
  ["linux/s390x", "linux/s390x"],
])("%s is %s", (text, full) => {
  expect(formatPlatform(parsePlatform(text, host))).toBe(full);
});

test.each(["", "/", "linux/", "linux//v7", "a/b/c/d", "nosuch", "linux/arm 64", "linux/am\0d"])(
  "%j is refused",
  (text) => {
    expect(() => parsePlatform(text, host)).toThrow(`invalid platform ${JSON.stringify(text)}`);
  },
);

describe("an entry of an index", () => {
  const entry = (name: string, platform?: string, annotations?: Record<string, string>): OciDescriptor => {
    const [os = "", architecture = "", variant] = platform?.split("/") ?? [];
    return {
      mediaType: mediaTypes.manifest,
      digest: name,
      size: 1,
      ...(platform === undefined
        ? {}
        : { platform: { os, architecture, ...(variant === undefined ? {} : { variant }) } }),
      ...(annotations === undefined ? {} : { annotations }),
    };
  };
  const entries = [
    entry("attestation", "unknown/unknown"),
    entry("signature", "linux/amd64", { "vnd.docker.reference.type": "attestation-manifest" }),
    entry("armv6", "linux/arm/v6"),
    entry("arm", "linux/arm"),
    entry("arm64", "linux/arm64/v8"),
    entry("amd64", "linux/amd64"),
    entry("386", "linux/386"),
  ];
  const chosen = (wanted: string, from = entries): string =>
    choosePlatform(from, parsePlatform(wanted, host)).digest;

  test("is the best that the platform runs, and never an attestation", () => {
    expect(chosen("linux/amd64")).toBe("amd64");
    expect(chosen("linux/amd64/v3")).toBe("amd64");
    expect(chosen("linux/arm64")).toBe("arm64");
    expect(chosen("linux/arm/v7")).toBe("arm");
    expect(chosen("linux/arm/v6")).toBe("armv6");
    expect(chosen("linux/amd64", [entry("386", "linux/386")])).toBe("386");
    expect(chosen("linux/arm64", [entry("armv6", "linux/arm/v6")])).toBe("armv6");
  });

  test("is the one without a platform when no other fits", () => {
    expect(chosen("linux/s390x", [...entries, entry("any")])).toBe("any");
    expect(chosen("linux/arm64", [entry("any"), ...entries])).toBe("arm64");
  });

  test("that there is not is an error which names those there are", () => {
    expect(() => chosen("linux/s390x")).toThrow(
      "no matching manifest for linux/s390x in the manifest list entries: there are linux/arm/v6, linux/arm/v7, linux/arm64, linux/amd64, linux/386",
    );
    expect(() => chosen("linux/amd64", [entry("attestation", "unknown/unknown")])).toThrow(
      "it has no images",
    );
    expect(() => chosen("linux/arm/v5", [entry("arm", "linux/arm/v7")])).toThrow("there are linux/arm/v7");
  });
});

test("a machine runs its own platform and what is compatible with it", () => {
  const run = (found: string, wanted: string): boolean =>
    runsOn(parsePlatform(found, host), parsePlatform(wanted, host));
  expect(run("linux/amd64", "linux/amd64")).toBe(true);
  expect(run("linux/386", "linux/amd64")).toBe(true);
  expect(run("linux/amd64/v2", "linux/amd64")).toBe(false);
  expect(run("linux/arm64", "linux/amd64")).toBe(false);
  expect(run("linux/arm/v7", "linux/arm64")).toBe(true);
  expect(run("windows/amd64", "linux/amd64")).toBe(false);
});
