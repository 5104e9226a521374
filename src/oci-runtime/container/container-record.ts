/**
 * What is kept of a container between commands: one file per container below the root, named by the id.
 *
 *   tiffin-runtime 1 PPPPPPPPPP TTTTTTTTTTTTTTTTTTTT\n     pid and start time of the main process, in place;
 *                                                         a `?` between them while it is being created
 *   {json}\n                                             everything else, written once, at creation
 *
 * The id is claimed by the exclusive creation of the file. Until the process exists its pid is 0; the head is then
 * overwritten by one small write, so readers need no lock and a crash leaves either state. Changes of state take an
 * exclusive flock on the file; whoever gets it looks whether the file still has its name. Names that begin with `@`
 * are other things (start sockets): no id contains that character.
 */
import { descriptorStatus, listDirectory } from "../../kernel/directory.ts";
import { openFile, openFlags, openIfPresent, removeFile } from "../../kernel/files.ts";
import { readSome, readToEnd, writeAll } from "../../kernel/io.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { SyscallError, syscall, trySyscall } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { errno } from "../../linux/errno.ts";
import type { LinuxSpec, OciHooks, OciIdMapping, OciNamespaceType, OciProcess } from "../../oci/mod.ts";
import type { ContainerGroup } from "../../runtime/groups/mod.ts";
import type { ResctrlClass } from "../../runtime/resctrl-class.ts";
import type { RuntimeHost } from "../host/host.ts";
import { decodeHead, decodeRecord } from "./decode-record.ts";
import type { KnownHome } from "./home-directory.ts";

export interface ContainerRecord {
  readonly bundle: string;
  readonly rootfs: string;
  /** RFC 3339. */
  readonly created: string;
  readonly annotations?: Readonly<Record<string, string>>;
  /** As configured; an exec without a document of its own begins with it. Undefined: there is no program to start. */
  readonly process?: OciProcess;
  /** HOME of its user, so that an exec need not look into the container. */
  readonly home?: KnownHome;
  readonly cgroup: ContainerGroup | null;
  readonly namespaces: readonly OciNamespaceType[];
  /** Those of them that are somebody else's. */
  readonly joinedNamespaces?: readonly OciNamespaceType[];
  readonly ownPidNamespace: boolean;
  readonly uidMappings?: readonly OciIdMapping[];
  readonly gidMappings?: readonly OciIdMapping[];
  readonly setgroupsDenied?: true;
  readonly terminalGid?: number;
  /** Execution domain of its programs, an exec's too. */
  readonly personality?: NonNullable<LinuxSpec["personality"]>;
  /** The compiled filter, which an exec gets too: base64 of struct sock_filter[]. */
  readonly seccomp?: {
    readonly program: string;
    readonly flags: number;
    /** Who decides about calls that the filter asks about. */
    readonly agent?: { readonly path: string; readonly metadata: string };
  };
  /** Name, below the root, of the socket on which a created container waits for its start. */
  readonly startSocket?: string;
  /** Its class of Intel RDT. */
  readonly resctrl?: ResctrlClass;
  /** Those that other commands than its creation run. */
  readonly hooks?: Pick<OciHooks, "poststart" | "poststop">;
}

export interface MainProcess {
  readonly pid: number;
  /** Clock ticks after boot, from /proc/PID/stat: tells it from a later process of the same number. */
  readonly startTicks: number;
}

export interface StoredContainer {
  readonly id: string;
  /** Undefined while it is being created. */
  readonly process: MainProcess | undefined;
  /** The process exists, but its creation goes on. */
  readonly creating?: boolean;
  readonly record: ContainerRecord;
}

const recordLimitBytes = 64 * 1024 * 1024;
const idPattern = /^[\w+.-]+$/;
const idLimit = 255;
/** Length of the head, which is overwritten in place. */
const headBytes = 49;
const privateDirectory = 0o700;
const privateFile = 0o600;
const lockExclusive = 2;
const lockNoWait = 4;
/** What opening a link or a directory ends with. */
const otherKinds = ["ELOOP", "EISDIR"];
const retryPauseMs = 1;
const retryLimit = 50;
const encoder = new TextEncoder();
const decoder = new TextDecoder();

export function checkId(id: string): string {
  if (idPattern.test(id) && id !== "." && id !== ".." && id.length <= idLimit) return id;
  throw new TiffinError(
    "invalid",
    "runtime.invalid-id",
    `invalid container ID format: ${JSON.stringify(id)}`,
  );
}

function headOf({ pid, startTicks }: MainProcess, stage: "creating" | "created"): string {
  const mark = stage === "creating" ? "?" : " ";
  return `tiffin-runtime 1 ${String(pid).padStart(10, "0")}${mark}${String(startTicks).padStart(20, "0")}\n`;
}

const rootAttempts = 4;
const nobody: MainProcess = { pid: 0, startTicks: 0 };

function makeRoot(root: string): void {
  const made = trySyscall("mkdirat", -100, encoder.encode(`${root}\0`), privateDirectory);
  if (made === 0 || made === -errno.EEXIST) return;
  if (made !== -errno.ENOENT) throw new SyscallError("mkdirat", -made, root);
  const parent = root.slice(0, root.lastIndexOf("/"));
  if (parent === "") throw new SyscallError("mkdirat", -made, root);
  makeRoot(parent);
  makeRoot(root);
}

function createFile(root: string, id: string): OwnedFd {
  const flags = openFlags.readWrite | openFlags.create | openFlags.exclusive | openFlags.noFollow;
  const create = (): OwnedFd => openFile(undefined, `${root}/${id}`, flags, { mode: privateFile });
  for (let attempt = 1; ; attempt += 1) {
    try {
      // A helper that leaves may take the empty directory away in between.
      if (attempt > 1) makeRoot(root);
      return create();
    } catch (thrown) {
      if (!(thrown instanceof SyscallError)) throw thrown;
      if (thrown.code === "EEXIST") {
        throw new TiffinError(
          "conflict",
          "runtime.id-taken",
          `container with given ID already exists: ${id}`,
        );
      }
      if (thrown.code !== "ENOENT" || attempt === rootAttempts) throw rootRefusal(root, thrown);
    }
  }
}

/** The default place is root's; an ordinary user is not always given one. */
function rootRefusal(root: string, cause: SyscallError): TiffinError {
  const text = `cannot keep state in ${root}: ${cause.code}`;
  if (cause.code === "EACCES" || cause.code === "EROFS") {
    const remedy = "set XDG_RUNTIME_DIR, or name a directory of this user with --root";
    return new TiffinError("forbidden", "runtime.root-not-writable", text, { remedy, cause });
  }
  const remedy = "name another directory with --root";
  return new TiffinError("unavailable", "runtime.root-unusable", text, { remedy, cause });
}

/** Claims the id. The file stays open for `recordProcess`. Throws `conflict` when the id is taken. */
export function createRecord(root: string, id: string, record: ContainerRecord): OwnedFd {
  const file = createFile(root, checkId(id));
  try {
    writeAll(file, encoder.encode(`${headOf(nobody, "creating")}${JSON.stringify(record)}\n`));
    return file;
  } catch (thrown) {
    file[Symbol.dispose]();
    removeFile(`${root}/${id}`);
    throw thrown;
  }
}

/** The main process exists, so that `delete --force` can find it; its creation goes on. */
export function recordProcess(file: OwnedFd, process: MainProcess): void {
  writeHead(file, headOf(process, "creating"));
}

function writeHead(file: OwnedFd, text: string): void {
  const head = encoder.encode(text);
  syscall("pwrite64", file.what, file.raw, head, head.length, 0);
}

function missing(id: string): TiffinError {
  return new TiffinError(
    "notFound",
    "runtime.no-container",
    `container ${JSON.stringify(id)} does not exist`,
  );
}

function damaged(id: string): TiffinError {
  return new TiffinError("internal", "runtime.record-damaged", `state of container ${id} is incomplete`, {
    remedy: `delete --force ${id}`,
  });
}

/** Undefined while its creator may still be writing it. */
function readStored(id: string, file: OwnedFd): StoredContainer | undefined {
  const text = decoder.decode(readToEnd(file, recordLimitBytes));
  const decoded = decodeRecord(text);
  if (decoded === undefined && text.endsWith("}\n")) throw damaged(id);
  if (decoded === undefined) return undefined;
  const { pid, startTicks, creating } = decoded;
  // A decode border: this program wrote the file, and what matters for its safety was checked.
  const record = decoded.record as ContainerRecord;
  return { id, record, process: pid === 0 ? undefined : { pid, startTicks }, creating };
}

/** Opens a state file. Undefined when there is none; throws `forbidden` for what this user has not made. */
function openRecord(root: string, id: string, mode: number): OwnedFd | undefined {
  const path = `${root}/${checkId(id)}`;
  try {
    // Not to be held up by a pipe, nor led elsewhere by a link.
    const file = openIfPresent(undefined, path, mode | openFlags.noFollow | openFlags.nonBlocking);
    if (file === undefined) return undefined;
    const { type, uid, sizeBytes } = descriptorStatus(file);
    const own = type === "file" && uid === trySyscall("geteuid");
    if (own && sizeBytes <= recordLimitBytes) return file;
    file[Symbol.dispose]();
    if (own) throw damaged(id);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError) || !otherKinds.includes(thrown.code)) throw thrown;
  }
  throw new TiffinError(
    "forbidden",
    "runtime.record-foreign",
    `state of container ${id} is not a file of this user`,
    { remedy: `look at ${path}` },
  );
}

function pause(): void {
  trySyscall("ppoll", 0, 0, new BigUint64Array([0n, BigInt(retryPauseMs * 1_000_000)]), 0, 0);
}

/** Throws `notFound` for an unknown id, `internal` for a file that stays unreadable. */
export function readContainer(root: string, id: string): StoredContainer {
  for (let attempt = 0; attempt < retryLimit; attempt += 1) {
    const file = openRecord(root, id, openFlags.readOnly);
    if (file === undefined) throw missing(id);
    using owned = file;
    const stored = readStored(id, owned);
    if (stored !== undefined) return stored;
    // Its creator is between two system calls, or died there.
    pause();
  }
  throw damaged(id);
}

type Pause = Pick<RuntimeHost, "pause">;

/** Not by blocking: the holder may be another command of this very process. */
async function takeLock(file: OwnedFd, host: Pause): Promise<void> {
  while (trySyscall("flock", file.raw, lockExclusive | lockNoWait) === -errno.EAGAIN) await host.pause(1);
}

/** The creation is complete: the main process exists. Throws `conflict` when the id was given up meanwhile. */
export async function settleRecord(file: OwnedFd, process: MainProcess, host: Pause): Promise<void> {
  // A deletion that has begun ends first; one that begins later finds the process.
  await takeLock(file, host);
  if (!isRecorded(file)) {
    throw new TiffinError(
      "conflict",
      "runtime.deleted-meanwhile",
      "the container was deleted while it was created",
    );
  }
  writeHead(file, headOf(process, "created"));
}

/** False once somebody has deleted it; the id and its groups may then be another container's. */
export function isRecorded(file: OwnedFd): boolean {
  return descriptorStatus(file).links > 0;
}

/** A creation has failed: gives the id up. */
export function abandonRecord(root: string, id: string, file: OwnedFd): void {
  using owned = file;
  if (isRecorded(owned)) removeRecord(root, id);
}

/**
 * The container with its state locked until the result is disposed of, so that of two commands that change it one
 * comes first. `ifHeld` is called once when another command is at it. Throws `notFound` also when that one has
 * deleted it meanwhile.
 */
export async function lockContainer(
  root: string,
  id: string,
  host: Pause,
  ifHeld?: (container: StoredContainer) => Promise<void>,
): Promise<StoredContainer & Disposable> {
  const file = openRecord(root, id, openFlags.readWrite);
  if (file === undefined) throw missing(id);
  try {
    if (ifHeld !== undefined && trySyscall("flock", file.raw, lockExclusive | lockNoWait) === -errno.EAGAIN) {
      await ifHeld(readContainer(root, id));
    }
    await takeLock(file, host);
    if (!isRecorded(file)) throw missing(id);
    const stored = readStored(id, file) ?? readContainer(root, id);
    return { ...stored, [Symbol.dispose]: () => file[Symbol.dispose]() };
  } catch (thrown) {
    file[Symbol.dispose]();
    throw thrown;
  }
}

/** What a damaged record still says about the main process. */
export function damagedProcess(root: string, id: string): MainProcess | undefined {
  using file = openIfPresent(undefined, `${root}/${checkId(id)}`, openFlags.readOnly | openFlags.noFollow);
  if (file === undefined) return undefined;
  const head = new Uint8Array(headBytes);
  const count = trySyscall("read", file.raw, head, head.length);
  return decodeHead(decoder.decode(head.subarray(0, Math.max(count, 0))));
}

/**
 * The lock of a container that the caller has known for a while. Undefined when somebody has deleted it since; its id
 * may be another container's now.
 */
export async function lockKnown(
  root: string,
  { id, process }: { readonly id: string; readonly process: MainProcess },
  host: Pause,
): Promise<Disposable | undefined> {
  const file = openRecord(root, id, openFlags.readWrite);
  if (file === undefined) return undefined;
  try {
    await takeLock(file, host);
    const known = headOf(process, "created");
    const head = new Uint8Array(known.length);
    const length = readSome(file, head);
    if (isRecorded(file) && decoder.decode(head.subarray(0, length)) === known) return file;
  } catch (thrown) {
    file[Symbol.dispose]();
    throw thrown;
  }
  file[Symbol.dispose]();
  return undefined;
}

/** Gives the id up: the last step of a deletion. */
export function removeRecord(root: string, id: string): void {
  removeFile(`${root}/${checkId(id)}`);
}

/** Undefined when there is none, as before the first container. */
function openRoot(root: string): OwnedFd | undefined {
  try {
    return openFile(undefined, root, openFlags.readOnly | openFlags.directory);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    if (thrown.code === "ENOENT") return undefined;
    throw rootRefusal(root, thrown);
  }
}

/** All that is there. */
export function namesBelow(root: string): string[] {
  const directory = openRoot(root);
  if (directory === undefined) return [];
  using owned = directory;
  return listDirectory(owned, root).map(({ name }) => name);
}

export const isContainerName = (name: string): boolean => idPattern.test(name);

/** Ids of all containers, sorted. */
export function listContainers(root: string): string[] {
  return namesBelow(root).filter(isContainerName).sort();
}
