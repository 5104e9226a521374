/**
 * The container's /dev: a fresh tmpfs that is filled while it is still detached, so no symbolic link of an image
 * takes part. With a user namespace device nodes cannot be made; the host's are bound instead.
 */
import { missingTarget, slotNone } from "../abi/schema.ts";
import { TiffinError } from "../lib/errors.ts";
import { openTreeFlags } from "../linux/mount-flags.ts";
import { fileTypes } from "../linux/open-flags.ts";
import type { OciDevice } from "../oci/mod.ts";
import { attach } from "./attach-mount.ts";
import { type Compilation, hasUserNamespace } from "./compilation.ts";
import { cleanPath, pathBelow } from "./container-path.ts";
import { makeFileSystem, takeMode } from "./file-systems.ts";
import type { MountContext } from "./mount-context.ts";

const allMayUse = 0o666;

/** What the specification promises to every container, besides /dev/console, /dev/ptmx and the links. */
const defaultDevices: readonly OciDevice[] = [
  { type: "c", path: "/dev/null", major: 1, minor: 3 },
  { type: "c", path: "/dev/zero", major: 1, minor: 5 },
  { type: "c", path: "/dev/full", major: 1, minor: 7 },
  { type: "c", path: "/dev/random", major: 1, minor: 8 },
  { type: "c", path: "/dev/urandom", major: 1, minor: 9 },
  { type: "c", path: "/dev/tty", major: 5, minor: 0 },
];

const links: readonly (readonly [name: string, target: string])[] = [
  ["fd", "/proc/self/fd"],
  ["stdin", "/proc/self/fd/0"],
  ["stdout", "/proc/self/fd/1"],
  ["stderr", "/proc/self/fd/2"],
  ["core", "/proc/kcore"],
  ["ptmx", "pts/ptmx"],
];

const kinds = {
  c: fileTypes.character,
  u: fileTypes.character,
  b: fileTypes.block,
  p: fileTypes.fifo,
} as const;

/** Default devices, then those of the specification, which win over a default of the same path. */
function wantedDevices({ linux }: Compilation): readonly (OciDevice & { readonly cause: string })[] {
  const wanted = new Map(
    defaultDevices.map((device) => [device.path, { ...device, cause: "default devices" }]),
  );
  for (const [index, device] of (linux.devices ?? []).entries()) {
    const path = cleanPath(device.path);
    wanted.set(path, { ...device, path, cause: `linux.devices[${index}]` });
  }
  return [...wanted.values()];
}

/** The kernel lets nobody in a user namespace make devices, whatever its capabilities; a FIFO is none. */
function mayMake({ type }: OciDevice, compilation: Compilation): boolean {
  const { identity } = compilation.facts;
  if (type === "p") return true;
  return (
    !hasUserNamespace(compilation) && !identity.inUserNamespace && identity.effective.includes("CAP_MKNOD")
  );
}

/** A tmpfs on /dev with devices and links. Returns its slot. */
export function deviceFileSystem(compilation: Compilation, context: MountContext): number {
  const { builder } = compilation;
  const dev = makeFileSystem(compilation, context);
  const below = wantedDevices(compilation).flatMap((device) => {
    const path = pathBelow("/dev", device.path);
    return path === undefined ? [] : [{ ...device, path, source: device.path }];
  });
  for (const device of below.filter((each) => mayMake(each, compilation)))
    makeNode(compilation, dev, device, device.cause);
  for (const [path, target] of links) {
    builder.child({ op: "symlink", fields: { root: dev, path, target } }, "default devices");
  }
  takeMode(compilation, context, dev);
  attach(compilation, context, dev);
  for (const device of below.filter((each) => !mayMake(each, compilation)))
    bindDevice(compilation, dev, device, device.cause);
  return dev;
}

/** Devices outside of a /dev that is mounted; all of them, and the links, when nothing is mounted there. */
export function otherDevices(compilation: Compilation, root: number): void {
  const { builder, spec } = compilation;
  const isMounted = (spec.mounts ?? []).some(({ destination }) => cleanPath(destination) === "/dev");
  for (const device of wantedDevices(compilation)) {
    if (isMounted && pathBelow("/dev", device.path) !== undefined) continue;
    if (mayMake(device, compilation)) makeNode(compilation, root, device, device.cause);
    else bindDevice(compilation, root, { ...device, source: device.path }, device.cause);
  }
  if (isMounted) return;
  for (const [name, target] of links) {
    builder.child({ op: "symlink", fields: { root, path: `/dev/${name}`, target } }, "default devices");
  }
}

function makeNode({ builder }: Compilation, root: number, device: OciDevice, cause: string): void {
  const { type, path, uid = 0, gid = 0 } = device;
  const mode = kinds[type] | (device.fileMode ?? allMayUse);
  const number = type === "p" ? 0n : deviceNumber(device, cause);
  // Such as /dev/net of /dev/net/tun: one directory for all that lie in it, an existing one is fine.
  const parent = path.slice(0, Math.max(0, path.lastIndexOf("/")));
  if (parent !== "") {
    builder.child({ op: "mkdir", fields: { root, path: parent, mode: 0o755, uid: 0, gid: 0 } }, cause);
  }
  builder.child({ op: "mknod", fields: { root, path, mode, uid, gid, device: number } }, cause);
}

function bindDevice(
  { builder }: Compilation,
  root: number,
  device: OciDevice & { readonly source: string },
  cause: string,
): void {
  const mount = builder.slot();
  const flags = openTreeFlags.clone | openTreeFlags.closeOnExec;
  builder.prepare(
    { op: "openTree", fields: { out: mount, dir: slotNone, path: device.source, flags } },
    cause,
  );
  const { path } = device;
  builder.child(
    { op: "moveMount", fields: { mount, root, path, create: missingTarget.file, mode: allMayUse } },
    cause,
  );
}

const highestMajor = 0xfff;
const highestMinor = 0xf_ffff;

/** The kernel's encoding, as mknod takes it. */
function deviceNumber({ major, minor, path }: OciDevice, cause: string): bigint {
  if (major === undefined || minor === undefined) {
    throw new TiffinError("invalid", "plan.device-number", `${cause} (${path}) has no major or minor number`);
  }
  const valid = major >= 0 && major <= highestMajor && minor >= 0 && minor <= highestMinor;
  if (!valid) {
    throw new TiffinError(
      "invalid",
      "plan.device-number",
      `${cause} (${path}) has device number ${major}:${minor}, wanted at most ${highestMajor}:${highestMinor}`,
    );
  }
  return BigInt(minor & 0xff) | (BigInt(major) << 8n) | (BigInt(minor >> 8) << 20n);
}
