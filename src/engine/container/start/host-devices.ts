/** Device nodes of the host that a container asks for. */
import { lstatSync, readdirSync, type Stats, statSync } from "node:fs";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import type { OciDevice } from "../../../oci/mod.ts";
import type { GrantedDevice } from "../runtime-spec/mod.ts";
import type { WantedDevice } from "../specification/mod.ts";

/** Linux's makedev, taken apart. */
function numbersOf(rdev: number): { readonly major: number; readonly minor: number } {
  const device = BigInt(rdev);
  return {
    major: Number(((device >> 8n) & 0xfffn) | ((device >> 32n) & ~0xfffn)),
    minor: Number((device & 0xffn) | ((device >> 12n) & ~0xffn)),
  };
}

/** Undefined when nothing is there. Errors: `container.device-unreadable`. */
function statusOf(path: string): Stats | undefined {
  return looking(path, () => statSync(path, { throwIfNoEntry: false }));
}

/** A path that cannot be looked at is the request's fault. */
function looking<T>(path: string, look: () => T): T {
  try {
    return look();
  } catch (thrown) {
    throw new TiffinError(
      "invalid",
      "container.device-unreadable",
      `error gathering device information while adding custom device "${path}": ${messageOf(thrown)}`,
      { cause: thrown },
    );
  }
}

function deviceAt(host: string, path: string): OciDevice | undefined {
  const stats = statusOf(host);
  if (stats === undefined || !(stats.isCharacterDevice() || stats.isBlockDevice())) return undefined;
  return {
    type: stats.isBlockDevice() ? "b" : "c",
    path,
    ...numbersOf(stats.rdev),
    fileMode: stats.mode & 0o7777,
    uid: stats.uid,
    gid: stats.gid,
  };
}

function missing(path: string): TiffinError {
  return new TiffinError(
    "invalid",
    "container.device-missing",
    `error gathering device information while adding custom device "${path}": no such file or directory`,
    { remedy: "name a device file that is there on the host, or load the driver that makes it" },
  );
}

/** Device numbers of a host path. Errors: `container.device-missing`. */
export function deviceNumbers(path: string): { readonly major: number; readonly minor: number } {
  const stats = statusOf(path);
  if (stats === undefined) throw missing(path);
  return numbersOf(stats.rdev);
}

const deepestDirectory = 4;

/** All device nodes in a directory tree, at the same places below `path`. Terminals and links are left out. */
function devicesBelow(host: string, path: string, depth = 0): OciDevice[] {
  const found: OciDevice[] = [];
  for (const name of looking(host, () => readdirSync(host))) {
    const from = `${host}/${name}`;
    const stats = looking(from, () => lstatSync(from, { throwIfNoEntry: false }));
    if (stats === undefined || ["pts", "shm", "mqueue", "fd", ".lxc", "console"].includes(name)) continue;
    if (stats.isDirectory() && depth < deepestDirectory) {
      found.push(...devicesBelow(from, `${path}/${name}`, depth + 1));
    } else if (stats.isCharacterDevice() || stats.isBlockDevice()) {
      const device = deviceAt(from, `${path}/${name}`);
      if (device !== undefined) found.push(device);
    }
  }
  return found;
}

/** Made by every container in its own /dev, whatever the host has. */
const standardDevices = new Set(
  ["null", "zero", "full", "random", "urandom", "tty", "ptmx"].map((name) => `/dev/${name}`),
);

/** The devices for `--device`, or all of the host's for a privileged container. */
export function grantedDevices(wanted: readonly WantedDevice[], privileged: boolean): GrantedDevice[] {
  if (privileged) {
    return devicesBelow("/dev", "/dev")
      .filter((device) => !standardDevices.has(device.path))
      .map((device) => ({ device, access: "rwm" }));
  }
  return wanted.flatMap(({ hostPath, path, access }) => {
    const device = deviceAt(hostPath, path);
    if (device !== undefined) return [{ device, access }];
    const stats = statusOf(hostPath);
    if (stats?.isDirectory() !== true) throw missing(hostPath);
    return devicesBelow(hostPath, path).map((each) => ({ device: each, access }));
  });
}
