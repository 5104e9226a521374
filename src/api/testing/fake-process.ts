/**
 * The processes of the fake engine: each is one of a few built-in behaviours, chosen by the first word of its command.
 *
 *   echo WORDS    writes the words to stdout, ends with 0
 *   warn WORDS    writes the words to stderr, ends with 3
 *   cat           copies stdin to stdout until it ends
 *   flood BYTES   writes that many bytes to stdout, obeying backpressure
 *   sleep         does nothing until it is signalled
 */
import { encodeFrame, frameTypes } from "../../docker/framing.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { AttachedStream, AttachRequest, LogEntry, Size } from "../backend.ts";
import { memoryPair } from "./memory-duplex.ts";

/** The time of everything. */
export const epoch = "2026-01-02T03:04:05.000000000Z";
export const epochNs = 1_767_323_045_000_000_000n;
const behaviours: ReadonlySet<string> = new Set(["echo", "warn", "cat", "flood", "sleep"]);

interface FakeClient {
  readonly end: ByteDuplex;
  readonly request: Pick<AttachRequest, "stdin" | "stdout" | "stderr">;
}

export class FakeProcess {
  readonly command: readonly string[];
  readonly tty: boolean;
  readonly log: LogEntry[] = [];
  readonly clients: FakeClient[] = [];
  readonly sizes: Size[] = [];
  readonly signals: string[] = [];
  state: "created" | "running" | "exited" = "created";
  exitCode = 0;
  readonly exited: Promise<number>;
  #resolveExit: (code: number) => void;
  readonly #wantsStdin: boolean;
  #stdinOpen: boolean;
  /** Typed before the start. */
  #early: Uint8Array[] = [];
  #earlyEnd = false;

  constructor(command: readonly string[], tty: boolean, stdin: boolean) {
    this.command = command;
    this.tty = tty;
    this.#stdinOpen = stdin;
    this.#wantsStdin = stdin;
    const { promise, resolve } = Promise.withResolvers<number>();
    this.exited = promise;
    this.#resolveExit = resolve;
  }

  /** As a container that is started once more: its log goes on. */
  again(): FakeProcess {
    const next = new FakeProcess(this.command, this.tty, this.#wantsStdin);
    next.log.push(...this.log);
    return next;
  }

  attach(request: FakeClient["request"]): AttachedStream {
    const [ours, theirs] = memoryPair();
    const client = { end: ours, request };
    if (this.state === "exited") ours.end();
    else this.clients.push(client);
    ours.listen({
      data: (chunk) => {
        if (request.stdin) this.#input(chunk);
      },
      end: () => {
        // A terminal has no end of input.
        if (request.stdin && this.#stdinOpen && !this.tty) this.#inputEnd();
      },
      close: () => {
        const index = this.clients.indexOf(client);
        if (index !== -1) this.clients.splice(index, 1);
      },
    });
    return { tty: this.tty, stream: theirs };
  }

  start(): void {
    const [program = "", ...words] = this.command;
    if (!behaviours.has(program)) {
      throw new TiffinError(
        "invalid",
        "container.program-missing",
        `exec: ${JSON.stringify(program)}: executable file not found in $PATH`,
        {
          exitCode: 127,
        },
      );
    }
    this.state = "running";
    if (program === "echo") this.#say("stdout", `${words.join(" ")}\n`, 0);
    else if (program === "warn") this.#say("stderr", `${words.join(" ")}\n`, 3);
    else if (program === "flood") void this.#flood(Number(words[0]));
    else if (program === "cat") {
      for (const chunk of this.#early) this.output("stdout", chunk);
      if (this.#earlyEnd || !this.#stdinOpen) this.exit(0);
    }
  }

  signal(signal: string): void {
    this.signals.push(signal);
    this.exit(signal === "SIGTERM" || signal === "15" ? 143 : 137);
  }

  exit(code: number): void {
    if (this.state !== "running") return;
    this.state = "exited";
    this.exitCode = code;
    for (const client of this.clients) client.end.end();
    this.#resolveExit(code);
  }

  output(stream: "stdout" | "stderr", bytes: Uint8Array): boolean {
    this.log.push({ stream, timeNs: epochNs, bytes: bytes.slice(), continues: false, note: false });
    let more = true;
    for (const { end, request } of this.clients) {
      if (!request[stream]) continue;
      more = end.write(this.tty ? bytes : encodeFrame(frameTypes[stream], bytes)) && more;
    }
    return more;
  }

  #say(stream: "stdout" | "stderr", line: string, code: number): void {
    this.output(stream, Buffer.from(line));
    this.exit(code);
  }

  async #flood(totalBytes: number): Promise<void> {
    const piece = new Uint8Array(32 * 1024).fill(0x78);
    for (let sent = 0; sent < totalBytes; sent += piece.length) {
      const chunk = piece.subarray(0, Math.min(piece.length, totalBytes - sent));
      if (!this.output("stdout", chunk)) await new Promise((resolve) => setImmediate(resolve));
    }
    this.exit(0);
  }

  #input(chunk: Uint8Array): void {
    if (this.state === "created") this.#early.push(chunk.slice());
    else if (this.state === "running" && this.command[0] === "cat") this.output("stdout", chunk);
  }

  #inputEnd(): void {
    this.#earlyEnd = true;
    if (this.command[0] === "cat") this.exit(0);
  }
}
