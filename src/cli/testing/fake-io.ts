/** `CliIo` made of memory, for tests: output is collected, nobody answers at any address. */
import type { CliIo } from "../io.ts";

export interface FakeIo extends CliIo {
  outputText(): string;
  errorText(): string;
}

export interface FakeIoOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** Contents, or the error that reading ends with. */
  readonly files?: Readonly<Record<string, string | Uint8Array | Error>>;
  readonly columns?: number;
  readonly nowMs?: number;
  readonly connect?: CliIo["connect"];
}

function failure(code: string): Error {
  return Object.assign(new Error(code), { code });
}

export function fakeIo(options: FakeIoOptions = {}): FakeIo {
  const written: Record<1 | 2, string> = { 1: "", 2: "" };
  const decoder = new TextDecoder();
  const write = (fd: 1 | 2, chunk: Uint8Array | string): void => {
    written[fd] += typeof chunk === "string" ? chunk : decoder.decode(chunk);
  };
  return {
    env: options.env ?? {},
    version: "0.0.0-test",
    cwd: options.cwd ?? "/",
    write,
    writeSome(fd, chunk) {
      write(fd, chunk);
      return chunk.length;
    },
    readInput: () => 0,
    isTerminal: () => false,
    windowSize: () => (options.columns === undefined ? undefined : { rows: 24, columns: options.columns }),
    makeRaw: () => () => {},
    onSignals: () => () => {},
    signalFd: () => undefined,
    yieldToSignals: () => Promise.resolve(),
    // Everything is always possible: the sockets of tests never block.
    newPollTable: () => ({ set() {}, wait: () => "ready", events: (index) => (index === 0 ? 1 : 0) }),
    connect:
      options.connect ??
      (() => {
        throw failure("ENOENT");
      }),
    ensureEngine: () => Promise.resolve(),
    dialOut: () => Promise.reject(failure("ECONNREFUSED")),
    isThere: (path) => options.files?.[path] !== undefined,
    readFile(path) {
      const content = options.files?.[path];
      if (content === undefined) throw failure("ENOENT");
      if (content instanceof Error) throw content;
      return typeof content === "string" ? new TextEncoder().encode(content) : content;
    },
    openFile() {
      throw failure("ENOENT");
    },
    makeDirectory() {},
    runProgram([program = ""]) {
      throw new Error(`no program ${program}`);
    },
    createFile() {
      throw failure("EROFS");
    },
    fillFile() {},
    removeFile() {},
    directoryNames: () => undefined,
    removeDirectory() {},
    pathKind: (path) => (options.files?.[path] === undefined ? "missing" : "file"),
    beginFile() {
      throw failure("EROFS");
    },
    nowMs: () => options.nowMs ?? 0,
    processId: 1,
    observer: () => Promise.reject(new Error("nothing to look at")),
    outputText: () => written[1],
    errorText: () => written[2],
  };
}
