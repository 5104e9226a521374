/**
 * Starting a program with exactly the descriptors it is meant to have, through posix_spawn(3): glibc does it with
 * CLONE_VFORK, so the size of this process does not matter, and the child gets default signal dispositions and an
 * empty signal mask. Only one process is made; nothing of it is left here but its pid (see `pidfd.ts`).
 */
import { dlopen } from "bun:ffi";
import { OwnedFd } from "./owned-fd.ts";
import { addressOf, cString, inRange, SyscallError, trySyscall } from "./syscall.ts";

export interface SpawnOptions {
  /** A path, or an open file (a sealed memfd, say) that stays CLOEXEC and is not seen by the program. */
  readonly executable: string | OwnedFd;
  readonly argv: readonly string[];
  /** `KEY=value` strings: the whole environment. */
  readonly env?: readonly string[];
  /**
   * The program's descriptors: ours, and its number there. Standard ones that are not listed are /dev/null;
   * nothing else is inherited.
   */
  readonly fds?: readonly (readonly [ours: OwnedFd | number, theirs: number])[];
  /** Working directory: a path or an open directory. */
  readonly cwd?: string | OwnedFd;
  /** setsid(2) in the child: it has no controlling terminal and leaves our process group. */
  readonly newSession?: boolean;
}

const setSignalMask = 0x08;
const setSignalDefaults = 0x04;
const setSession = 0x80;
/** Not less than sizeof(posix_spawnattr_t) = 336, posix_spawn_file_actions_t = 80, sigset_t = 128 on glibc. */
const attributeBytes = 512;
const fileActionBytes = 128;
const signalSetBytes = 128;
const oReadWrite = 2;
const theirFdLimit = 64;

function openLibc() {
  return dlopen("libc.so.6", {
    posix_spawn: { args: ["ptr", "ptr", "ptr", "ptr", "ptr", "ptr"], returns: "i32" },
    posix_spawn_file_actions_init: { args: ["ptr"], returns: "i32" },
    posix_spawn_file_actions_destroy: { args: ["ptr"], returns: "i32" },
    posix_spawn_file_actions_adddup2: { args: ["ptr", "i32", "i32"], returns: "i32" },
    posix_spawn_file_actions_addopen: { args: ["ptr", "i32", "ptr", "i32", "u32"], returns: "i32" },
    posix_spawn_file_actions_addclose: { args: ["ptr", "i32"], returns: "i32" },
    posix_spawn_file_actions_addclosefrom_np: { args: ["ptr", "i32"], returns: "i32" },
    posix_spawn_file_actions_addchdir_np: { args: ["ptr", "ptr"], returns: "i32" },
    posix_spawn_file_actions_addfchdir_np: { args: ["ptr", "i32"], returns: "i32" },
    posix_spawnattr_init: { args: ["ptr"], returns: "i32" },
    posix_spawnattr_destroy: { args: ["ptr"], returns: "i32" },
    posix_spawnattr_setflags: { args: ["ptr", "i16"], returns: "i32" },
    posix_spawnattr_setsigdefault: { args: ["ptr", "ptr"], returns: "i32" },
    posix_spawnattr_setsigmask: { args: ["ptr", "ptr"], returns: "i32" },
  }).symbols;
}

let libc: ReturnType<typeof openLibc> | undefined;
const devNull = cString("/dev/null");

/** argv or envp: pointers to NUL-terminated strings, then a null pointer; `strings` must outlive its use. */
function pointerList(strings: readonly Uint8Array[]): BigUint64Array {
  const list = new BigUint64Array(strings.length + 1);
  strings.forEach((text, index) => {
    list[index] = BigInt(addressOf(text));
  });
  return list;
}

/**
 * Starts the program and returns its pid. The caller must reap it (`reapChild`). Throws `SyscallError` about
 * `posix_spawn` with the errno of the step that failed in the child: ENOENT, EACCES, ENOEXEC, EMFILE ...
 */
export function spawn(options: SpawnOptions): number {
  libc ??= openLibc();
  const actions = new Uint8Array(fileActionBytes);
  const attributes = new Uint8Array(attributeBytes);
  const path = executablePath(options.executable);
  // Everything that the C structures point at stays in these variables until the call has returned.
  const executable = cString(path);
  const cwd = typeof options.cwd === "string" ? cString(options.cwd) : undefined;
  const argv = options.argv.map(cString);
  const env = (options.env ?? []).map(cString);
  const pid = new Int32Array(1);
  libc.posix_spawn_file_actions_init(actions);
  libc.posix_spawnattr_init(attributes);
  try {
    // First of all, because an open directory's number is closed with the others below.
    if (cwd !== undefined) libc.posix_spawn_file_actions_addchdir_np(actions, cwd);
    else if (options.cwd instanceof OwnedFd) {
      libc.posix_spawn_file_actions_addfchdir_np(actions, options.cwd.raw);
    }
    addDescriptors(libc, actions, options.fds ?? []);
    setAttributes(libc, attributes, options.newSession === true);
    const failed = libc.posix_spawn(
      pid,
      executable,
      actions,
      attributes,
      pointerList(argv),
      pointerList(env),
    );
    if (failed !== 0) throw new SyscallError("posix_spawn", failed, path);
    return pid[0] ?? -1;
  } finally {
    libc.posix_spawn_file_actions_destroy(actions);
    libc.posix_spawnattr_destroy(attributes);
  }
}

/**
 * The child closes every descriptor that it is not given before it executes the program, so an open file is
 * named through this process's descriptor table, not its own.
 */
function executablePath(executable: string | OwnedFd): string {
  return typeof executable === "string" ? executable : `/proc/${trySyscall("getpid")}/fd/${executable.raw}`;
}

/**
 * The table is built in two passes because a number may be wanted for one thing while it still holds another:
 * first every source moves above all numbers in play, then down to where it is wanted.
 */
function addDescriptors(
  symbols: ReturnType<typeof openLibc>,
  actions: Uint8Array,
  fds: readonly (readonly [ours: OwnedFd | number, theirs: number])[],
): void {
  const pairs = fds.map(([ours, theirs]) => {
    if (!Number.isInteger(theirs) || theirs < 0 || theirs >= theirFdLimit) {
      throw new RangeError(`descriptor number ${theirs} in the new program, wanted 0 to ${theirFdLimit - 1}`);
    }
    return { ours: inRange("i32", typeof ours === "number" ? ours : ours.raw, "spawned fd"), theirs };
  });
  const wanted = new Set(pairs.map((pair) => pair.theirs));
  if (wanted.size !== pairs.length) throw new RangeError("two descriptors for one number in the new program");
  const clash = pairs.some((pair) => wanted.has(pair.ours) && pair.ours !== pair.theirs);
  const above = pairs.reduce((high, pair) => Math.max(high, pair.ours, pair.theirs), 2) + 1;
  pairs.forEach((pair, index) => {
    if (clash) symbols.posix_spawn_file_actions_adddup2(actions, pair.ours, above + index);
  });
  pairs.forEach((pair, index) => {
    symbols.posix_spawn_file_actions_adddup2(actions, clash ? above + index : pair.ours, pair.theirs);
  });
  const first = pairs.reduce((high, pair) => Math.max(high, pair.theirs), 2) + 1;
  for (let number = 0; number < first; number += 1) {
    if (wanted.has(number)) continue;
    if (number <= 2) symbols.posix_spawn_file_actions_addopen(actions, number, devNull, oReadWrite, 0);
    else symbols.posix_spawn_file_actions_addclose(actions, number);
  }
  symbols.posix_spawn_file_actions_addclosefrom_np(actions, first);
}

function setAttributes(
  symbols: ReturnType<typeof openLibc>,
  attributes: Uint8Array,
  newSession: boolean,
): void {
  const all = new Uint8Array(signalSetBytes).fill(0xff);
  const none = new Uint8Array(signalSetBytes);
  symbols.posix_spawnattr_setflags(
    attributes,
    setSignalMask | setSignalDefaults | (newSession ? setSession : 0),
  );
  symbols.posix_spawnattr_setsigdefault(attributes, all);
  symbols.posix_spawnattr_setsigmask(attributes, none);
}
