/** The flags that `checkpoint` and `restore` have in common, decoded, and the directories that they name. */

import { pathStatus } from "../../kernel/directory.ts";
import { exists, makeDirectory, openDirectory } from "../../kernel/files.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { cloneFlags } from "../../linux/clone-flags.ts";
import { type CriuAbilities, type CriuOptions, cgroupModes, networkLocks } from "../../runtime/criu/mod.ts";
import type { CommandContext } from "../command.ts";
import { type Flags, usage } from "../flags.ts";
import { absolutePath } from "../host/host.ts";
import { findProgram } from "./find-criu.ts";

const privateMode = 0o700;
const verbose = 4;
const configAnnotation = "org.criu.config";
/** Where users of other runtimes have put their settings for criu. */
const configPath = "/etc/criu/runc.conf";

export interface ImageDirectories extends Disposable {
  readonly image: OwnedFd;
  readonly imagePath: string;
  readonly work: OwnedFd;
  readonly workPath: string;
}

/** Opens both directories. `make`: also makes them, below what exists. Throws `invalid`. */
export function openDirectories({ flags, host }: CommandContext, make: boolean): ImageDirectories {
  const given = (name: string): string | undefined => {
    const text = flags.text(name);
    return text === undefined ? undefined : absolutePath(text, host);
  };
  const imagePath = given("image-path") ?? absolutePath("checkpoint", host);
  const workPath = given("work-path") ?? imagePath;
  return openBoth(imagePath, workPath, make);
}

/** The same directories, as the mounts of the caller show them now. */
export function reopenDirectories(imagePath: string, workPath: string): ImageDirectories {
  return openBoth(imagePath, workPath, false);
}

function openBoth(imagePath: string, workPath: string, make: boolean): ImageDirectories {
  const image = openOne("--image-path", imagePath, make);
  try {
    // The log of a restore may go to a new place.
    const work = openOne("--work-path", workPath, true);
    const close = (): void => {
      image[Symbol.dispose]();
      work[Symbol.dispose]();
    };
    return { image, imagePath, work, workPath, [Symbol.dispose]: close };
  } catch (thrown) {
    image[Symbol.dispose]();
    throw thrown;
  }
}

function openOne(flag: string, path: string, make: boolean): OwnedFd {
  try {
    if (make) makeDirectory(path, privateMode);
    return openDirectory(path);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw new TiffinError("invalid", "runtime.image-directory", `cannot use ${flag} ${path}: ${thrown.code}`);
  }
}

/** `--parent-path` is a path from the image's directory, and something is there. */
function parentImage(flags: Flags, imagePath: string): string | undefined {
  const parent = flags.text("parent-path");
  if (parent === undefined || parent === "") return undefined;
  if (parent.startsWith("/")) throw usage("--parent-path must be relative to the directory of the image");
  if (pathStatus(`${imagePath}/${parent}`)?.type === "directory") return parent;
  throw usage(`--parent-path ${parent}: there is no such directory in ${imagePath}`);
}

function pageServer(text: string | undefined): CriuOptions["pageServer"] {
  if (text === undefined || text === "") return undefined;
  const match = /^(.*):(\d{1,5})$/.exec(text);
  const port = Number(match?.[2]);
  if (match === null || port < 1 || port > 0xffff) throw usage("--page-server wants ADDRESS:PORT");
  return { address: match[1] ?? "", port };
}

function cgroupMode(text: string | undefined): number {
  const modes: Readonly<Record<string, number>> = cgroupModes;
  const mode = own(modes, text ?? "soft");
  if (mode === undefined)
    throw usage(`invalid --manage-cgroups-mode ${text}: ${Object.keys(modes).join(", ")}`);
  return mode;
}

function emptyNamespaces(names: readonly string[]): number | undefined {
  const other = names.find((name) => name !== "network");
  if (other !== undefined) throw usage(`--empty-ns ${other} is not supported: only network is`);
  return names.length === 0 ? undefined : cloneFlags.newNet;
}

/** The part of criu's options that says the same for both directions. */
export function criuOptions(
  { flags, host }: CommandContext,
  directories: ImageDirectories,
  annotations: Readonly<Record<string, string>> | undefined,
  { ownLock }: CriuAbilities,
): CriuOptions {
  const parent = parentImage(flags, directories.imagePath);
  const server = pageServer(flags.text("page-server"));
  const empty = emptyNamespaces(flags.list("empty-ns"));
  const statusFd = flags.number("status-fd");
  const config = annotations?.[configAnnotation] ?? (exists(configPath) ? configPath : undefined);
  return {
    imagesDirectory: directories.image.raw,
    workDirectory: directories.work.raw,
    logLevel: verbose,
    notifyScripts: true,
    manageCgroups: true,
    cgroupMode: cgroupMode(flags.text("manage-cgroups-mode")),
    tcpEstablished: flags.switch("tcp-established"),
    tcpSkipInFlight: flags.switch("tcp-skip-in-flight"),
    externalUnixSockets: flags.switch("ext-unix-sk"),
    shellJob: flags.switch("shell-job"),
    fileLocks: flags.switch("file-locks"),
    autoDedup: flags.switch("auto-dedup"),
    lazyPages: flags.switch("lazy-pages"),
    orphanPtsMaster: true,
    // criu's own choice needs this program; the other one is inside of it.
    ...(ownLock &&
      findProgram("iptables-restore", host) === undefined && { networkLock: networkLocks.nftables }),
    ...(parent !== undefined && { parentImage: parent, trackMemory: true }),
    ...(server !== undefined && { pageServer: server }),
    ...(empty !== undefined && { emptyNamespaces: empty }),
    ...(statusFd !== undefined && { statusFd }),
    ...(config !== undefined && { configFile: config }),
  };
}
