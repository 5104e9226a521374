/**
 * Platforms: `os[/architecture[/variant]]` as people write it, and which entry of an index an image is taken from. A
 * machine also runs what its architecture is compatible with: an older variant, or the 32-bit form. Pure.
 */

import { TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import type { OciDescriptor, OciPlatform } from "./image-spec.ts";

export interface Platform {
  readonly os: string;
  readonly architecture: string;
  /** Of the architecture: `v7`; empty for none, which for arm64 is v8 and for amd64 v1. */
  readonly variant: string;
}

const partPattern = /^[A-Za-z0-9_.-]+$/;

/** Other names of an architecture, with the variant that each implies. */
const architectureNames: Readonly<Record<string, readonly [architecture: string, variant: string]>> = {
  x86_64: ["amd64", ""],
  "x86-64": ["amd64", ""],
  amd64: ["amd64", ""],
  i386: ["386", ""],
  i686: ["386", ""],
  "386": ["386", ""],
  aarch64: ["arm64", ""],
  arm64: ["arm64", ""],
  arm: ["arm", "v7"],
  armhf: ["arm", "v7"],
  armel: ["arm", "v6"],
  armv5l: ["arm", "v5"],
  armv6l: ["arm", "v6"],
  armv7l: ["arm", "v7"],
  ppc64le: ["ppc64le", ""],
  riscv64: ["riscv64", ""],
  s390x: ["s390x", ""],
  loong64: ["loong64", ""],
  mips64le: ["mips64le", ""],
};
const systems = ["linux", "windows", "darwin", "freebsd", "wasi"];
/** The variant that a plain architecture means already. */
const plainVariants: Readonly<Record<string, string>> = { arm64: "v8", amd64: "v1" };

function normalised(os: string, architecture: string, variant: string): Platform {
  const lower = architecture.toLowerCase();
  const [name, implied] = own(architectureNames, lower) ?? [lower, ""];
  const given = variant.toLowerCase();
  const short = /^\d+$/.test(given) ? `v${given}` : given;
  const found = short === "" ? implied : short;
  const system = os.toLowerCase() === "macos" ? "darwin" : os.toLowerCase();
  return { os: system, architecture: name, variant: own(plainVariants, name) === found ? "" : found };
}

/** `host` gives what is left out: `arm64` alone is `linux/arm64` on a Linux host. Throws `invalid`. */
export function parsePlatform(text: string, host: Platform): Platform {
  const [first = "", second, third, ...more] = text.split("/");
  const parts = [first, second ?? "x", third ?? "x"];
  if (more.length > 0 || parts.some((part) => !partPattern.test(part))) {
    throw new TiffinError(
      "invalid",
      "oci.bad-platform",
      `invalid platform ${JSON.stringify(text)}: wanted os/architecture or os/architecture/variant`,
      { remedy: "write it as linux/amd64, linux/arm64 or linux/arm/v7" },
    );
  }
  if (second !== undefined) return normalised(first, second, third ?? "");
  if (systems.includes(first.toLowerCase())) return { ...host, os: first.toLowerCase() };
  if (own(architectureNames, first.toLowerCase()) !== undefined) return normalised(host.os, first, "");
  throw new TiffinError(
    "invalid",
    "oci.bad-platform",
    `invalid platform ${JSON.stringify(text)}: neither an operating system nor an architecture that is known`,
    { remedy: "write it as linux/amd64, linux/arm64 or linux/arm/v7" },
  );
}

/** The platform of this machine, by the name that the kernel (`x86_64`) or Node (`x64`) gives its processor. */
export function platformOfMachine(machine: string): Platform {
  return normalised("linux", machine === "x64" ? "amd64" : machine, "");
}

/** What a document says, in the same terms. */
export function platformOf(platform: OciPlatform): Platform {
  return normalised(platform.os, platform.architecture, platform.variant ?? "");
}

export function formatPlatform({ os, architecture, variant }: Platform): string {
  return `${os}/${architecture}${variant === "" ? "" : `/${variant}`}`;
}

function samePlatform(a: Platform, b: Platform): boolean {
  return a.os === b.os && a.architecture === b.architecture && a.variant === b.variant;
}

/** `vN`, `vN-1` ... `v<lowest>`, as variants of normalised platforms. */
function variantsDown(os: string, architecture: string, from: string, lowest: number): Platform[] {
  const highest = Number(/^v(\d+)/.exec(from)?.[1] ?? Number.NaN);
  const result: Platform[] = [];
  for (let number = highest; number >= lowest; number -= 1) {
    result.push(normalised(os, architecture, `v${number}`));
  }
  return result;
}

/** What runs where `wanted` runs, best first. */
export function compatiblePlatforms(wanted: Platform): Platform[] {
  const { os, architecture, variant } = wanted;
  if (architecture === "amd64") {
    return [
      ...variantsDown(os, "amd64", variant === "" ? "v1" : variant, 1),
      { os, architecture: "386", variant: "" },
    ];
  }
  if (architecture === "arm64") {
    const own = variantsDown(os, "arm64", variant === "" ? "v8" : variant, 8);
    return [...(own.length === 0 ? [wanted] : own), ...variantsDown(os, "arm", "v8", 5)];
  }
  if (architecture === "arm") {
    const own = variantsDown(os, "arm", variant, 5);
    return own.length === 0 ? [wanted] : own;
  }
  return [wanted];
}

/** True when an image for `found` can be used where `wanted` was asked for. */
export function runsOn(found: Platform, wanted: Platform): boolean {
  return compatiblePlatforms(wanted).some((platform) => samePlatform(platform, found));
}

/** Signatures, provenance and the like: kept in an index beside the images, never one. */
function isAttestation(entry: OciDescriptor): boolean {
  const { platform, annotations } = entry;
  return (
    (platform?.os === "unknown" && platform.architecture === "unknown") ||
    annotations?.["vnd.docker.reference.type"] !== undefined
  );
}

/**
 * The entry of an index for `wanted`. One that names no platform is taken when no other fits. Throws `notFound` naming
 * what there is instead.
 */
export function choosePlatform(entries: readonly OciDescriptor[], wanted: Platform): OciDescriptor {
  const images = entries.filter((entry) => !isAttestation(entry));
  for (const platform of compatiblePlatforms(wanted)) {
    const found = images.find(
      (entry) => entry.platform !== undefined && samePlatform(platformOf(entry.platform), platform),
    );
    if (found !== undefined) return found;
  }
  const unnamed = images.find((entry) => entry.platform === undefined);
  if (unnamed !== undefined) return unnamed;
  const there = images.flatMap(({ platform }) =>
    platform === undefined ? [] : [formatPlatform(platformOf(platform))],
  );
  throw new TiffinError(
    "notFound",
    "oci.no-platform",
    `no matching manifest for ${formatPlatform(wanted)} in the manifest list entries: ${
      there.length === 0 ? "it has no images" : `there are ${[...new Set(there)].join(", ")}`
    }`,
    there.length === 0 ? {} : { remedy: `choose one of them with --platform, ${there[0]} say` },
  );
}
