/**
 * What the front (`executor/front`), the resident helper and the compiled program behind the front agree on besides their
 * messages. Declared once; `executor/generated/front.h` comes from it.
 */

export const front = {
  /** The name that makes the compiled program an OCI runtime, and by which the front calls it. */
  programName: "tiffin-runtime",
  /** Where the compiled program begins in the file of both: a multiple of every page size in use. */
  programOffset: 0x10000,
  /** Before the program's name: the caller's directory is not there any more. */
  lostDirectory: "no-directory/",
  /** Fewer descriptors than this do not go far: what a container has, from groups to mounts, comes as descriptors. */
  leastFiles: 256,
  /** The name that makes it the command line. */
  commandLineName: "tiffin",
} as const;

/** The engine that performs commands of the command line for fronts. */
export const engineFront = {
  /** What the engine's own socket is found by, the first that is set; only `scheme` is asked. */
  addressVariables: ["TIFFIN_HOST", "DOCKER_HOST"],
  /** Without those, what names another engine: these, and this file below the directory of Docker's configuration. */
  contextVariables: ["TIFFIN_CONTEXT", "DOCKER_CONTEXT"],
  contextFile: "/tiffin.json",
  scheme: "unix://",
  defaultPath: "/run/tiffin.sock",
  /** Behind the path of the API's socket: where fronts ask. */
  suffix: ".front",
  /** `off` does without. */
  variable: "TIFFIN_FRONT",
  /** Output for a front that is under way at most before the engine waits for it. */
  chunkBytes: 64 * 1024,
  /** What `whenLost` has to say is no longer than this. */
  lostTextBytes: 1024,
} as const;

export const helper = {
  /** Only root can enter it. Also the default of `--root`. */
  stateDirectory: "/run/tiffin-runtime",
  /** Below the state directory: sockets, each named after the file that its helper runs. */
  socketDirectory: "@helper",
  /** A socket's name: device, inode and time of change of that file, each in so many hexadecimal digits. */
  nameDigits: 16,
  /** `off`, or the seconds that a helper stays when nobody asks it. */
  variable: "TIFFIN_RUNTIME_HELPER",
  off: "off",
  /** Set by the front after a helper has said no; nobody else's. */
  askedVariable: "TIFFIN_RUNTIME_HELPER_ASKED",
  /** Directory, words and environment of one request. A larger one is rare, and not worth the copies. */
  requestBytes: 128 * 1024,
  /** They come with a request: standard input, output and error. */
  requestFds: 3,
} as const;

/**
 * In what two processes have to be the same, so that one may decide, or execute, for the other. Front and helper look at
 * each other by the same list.
 */
export const likeness = {
  /** In /proc/PID/ns. */
  namespaces: ["mnt", "pid", "user", "net", "cgroup", "ipc", "uts", "time"],
  /** Of /proc/PID/status: they stand in the first 3 KB. */
  rights: ["Uid", "Gid", "CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb", "NoNewPrivs", "Seccomp"],
} as const;
