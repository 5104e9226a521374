/** A bundle: the directory with config.json, and the configuration with its paths made absolute. */
import { type FileStatus, pathStatus } from "../../kernel/directory.ts";
import { openFlags, readBytes, readLink, tryOpenFile } from "../../kernel/files.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { limitDocumentBytes } from "../../oci/decode/json.ts";
import { decodeRuntimeSpec } from "../../oci/decode/runtime-spec.ts";
import type { OciMount, RuntimeSpec } from "../../oci/mod.ts";
import { readMountOptions } from "../../plan/mount-request.ts";
import type { BindSource } from "../../plan/options.ts";
import { absolutePath, type RuntimeHost } from "../host/host.ts";
import { asItsVersionMeans } from "../older-versions.ts";

export interface Bundle {
  /** Absolute. */
  readonly path: string;
  readonly rootfs: string;
  /** The root is the top of the host itself, under whatever name. */
  readonly rootIsTop: boolean;
  readonly spec: RuntimeSpec;
  /** What the sources of binds are, by index into `spec.mounts`. */
  readonly bindSources: ReadonlyMap<number, BindSource>;
}

export function readConfig(bundle: string): RuntimeSpec {
  const path = `${bundle}/config.json`;
  try {
    return asItsVersionMeans(decodeRuntimeSpec(readBytes(path, limitDocumentBytes)));
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    if (thrown.code === "ENOENT") {
      throw new TiffinError("notFound", "runtime.no-config", `JSON specification file ${path} not found`);
    }
    throw new TiffinError("invalid", "runtime.config-unreadable", `cannot read ${path}: ${thrown.code}`, {
      cause: thrown,
    });
  }
}

/** Reads the bundle at `path`, absolute, for the process that `host` stands for. Throws `invalid` for a configuration or a root that cannot be. */
export function openBundle(path: string, host: Pick<RuntimeHost, "checkPath">): Bundle {
  const from = { cwd: path, checkPath: (wanted: string) => host.checkPath(wanted) };
  host.checkPath(`${path}/config.json`);
  const spec = readConfig(path);
  const root = spec.root?.path;
  if (root === undefined || root === "") {
    throw new TiffinError("invalid", "runtime.no-root", "config.json has no root.path");
  }
  const rootfs = tidyPath(absolutePath(root, from));
  const found = pathStatus(rootfs);
  if (found?.type !== "directory") {
    throw new TiffinError(
      "invalid",
      "runtime.no-rootfs",
      `rootfs (${JSON.stringify(rootfs)}) does not exist`,
      {
        remedy: "root.path must be a directory",
      },
    );
  }
  const bindSources = new Map<number, BindSource>();
  const mounts = (spec.mounts ?? []).map((mount, index) => {
    if (!isBind(mount)) return mount;
    const source = absolutePath(mount.source ?? "", from);
    const kind = pathStatus(source)?.type === "directory" ? "directory" : "file";
    bindSources.set(index, { kind });
    return { ...mount, source };
  });
  return { path, rootfs, rootIsTop: isTop(rootfs, found), spec: { ...spec, mounts }, bindSources };
}

/** A bind of the top elsewhere is another mount of the same directory. */
function isTop(path: string, { inode, deviceMajor, deviceMinor }: FileStatus): boolean {
  const top = pathStatus("/");
  if (top?.inode !== inode || top.deviceMajor !== deviceMajor || top.deviceMinor !== deviceMinor)
    return false;
  const directory = tryOpenFile(path, openFlags.readOnly | openFlags.directory);
  if (typeof directory === "number") return path === "/";
  using held = directory;
  return readLink(`/proc/self/fd/${held.raw}`) === "/";
}

function isBind({ type, options }: OciMount): boolean {
  return type === "bind" || (options !== undefined && readMountOptions(options).bind !== "no");
}

/**
 * The bundle's directory as `state` and hooks tell it: without `.`, `..` and empty steps, of which `..` needs the kernel's
 * word, as it may follow a link. `path`: absolute.
 */
export function bundlePath(path: string): string {
  const tidy = tidyPath(path);
  if (!tidy.split("/").includes("..")) return tidy;
  const directory = tryOpenFile(path, openFlags.readOnly | openFlags.directory);
  // Without a directory there: who reads the configuration says so.
  if (typeof directory === "number") return tidy;
  using held = directory;
  return readLink(`/proc/self/fd/${held.raw}`) ?? tidy;
}

function tidyPath(path: string): string {
  return `/${path
    .split("/")
    .filter((step) => step !== "" && step !== ".")
    .join("/")}`;
}
