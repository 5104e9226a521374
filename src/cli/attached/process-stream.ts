/**
 * What travels on a connection that carries a process's streams, in its three dialects: Tiffin's sessions (frames both ways),
 * Docker's multiplexed attach (frames out, raw in) and Docker's terminal attach (raw both ways). The loop that moves the bytes
 * is the same for all of them.
 */
import {
  encodeJsonFrame,
  FrameDecoder,
  frameText,
  frameTypes,
  writeFrameHeader,
} from "../../docker/framing.ts";
import type { RunExited, RunFailed, RunStarted, TerminalSize } from "../../docker/types/run.ts";
import { TiffinError } from "../../lib/errors.ts";

export type ServerEvent =
  | { readonly kind: "output"; readonly fd: 1 | 2; readonly bytes: Uint8Array }
  | { readonly kind: "started"; readonly started: StartedFrame }
  | { readonly kind: "exited"; readonly exited: RunExited }
  | { readonly kind: "failed"; readonly failed: RunFailed }
  | { readonly kind: "detached" };

/** One side of a dialect. Encoders return what goes to the socket; undefined means: not in this dialect. */
export interface Dialect {
  /** Views in events live as long as `chunk` is not overwritten. */
  decode(chunk: Uint8Array): readonly ServerEvent[];
  /** Bytes of room that `encodeInput` needs before the data. */
  readonly inputHeaderBytes: number;
  /** Turns `length` bytes of input at `inputHeaderBytes` of `buffer` into what is sent. */
  encodeInput(buffer: Uint8Array, length: number): Uint8Array;
  /** Undefined: the end of input is a half-close of the socket. */
  readonly endOfInput: Uint8Array | undefined;
  encodeSignal(signal: string): Uint8Array | undefined;
  encodeResize(size: TerminalSize): Uint8Array | undefined;
  /** The engine must say how it ended; a connection that just ends is a loss. */
  readonly needsVerdict: boolean;
}

/** `trace` is for whoever asked for it, who decodes it. */
export interface StartedFrame extends Pick<RunStarted, "Id" | "Warnings"> {
  readonly trace: unknown;
}

function brokenFrame(what: string): TiffinError {
  return new TiffinError("internal", "client.malformed-stream", `the engine sent a broken stream: ${what}`);
}

function jsonOf(payload: Uint8Array, what: string): Readonly<Record<string, unknown>> {
  try {
    const value: unknown = JSON.parse(frameText(payload));
    if (typeof value === "object" && value !== null) return { ...value };
  } catch {
    // Told below, in the same words as any other wrong content.
  }
  throw brokenFrame(`frame ${what} is not a JSON object`);
}

function text(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function controlEvent(type: number, payload: Uint8Array): ServerEvent | undefined {
  if (type === frameTypes.started) {
    const { Id, Warnings, Trace } = jsonOf(payload, "started");
    const warnings = Array.isArray(Warnings) ? Warnings.filter((one) => typeof one === "string") : [];
    return { kind: "started", started: { Id: text(Id), Warnings: warnings, trace: Trace } };
  }
  if (type === frameTypes.exited) {
    const { StatusCode, Error: reason } = jsonOf(payload, "exited");
    if (typeof StatusCode !== "number") throw brokenFrame("frame exited has no StatusCode");
    return { kind: "exited", exited: { StatusCode, Error: text(reason) === "" ? undefined : text(reason) } };
  }
  if (type === frameTypes.failed) {
    const { message, exitCode, code, remedy, operations } = jsonOf(payload, "failed");
    const failed = {
      message: text(message),
      ...(typeof exitCode === "number" && { exitCode }),
      ...(typeof code === "string" && { code }),
      ...(typeof remedy === "string" && { remedy }),
      ...(typeof operations === "string" && { operations }),
    };
    return { kind: "failed", failed };
  }
  if (type === frameTypes.detached) return { kind: "detached" };
  // A later engine may have more to say; what is not understood is not needed.
  return undefined;
}

/** Decodes Docker's 8-byte frames, with Tiffin's control frames among them. */
class FramedOutput {
  #events: ServerEvent[] = [];
  readonly #decoder = new FrameDecoder({
    part: (type, bytes) => {
      if (type === frameTypes.systemError) throw brokenFrame(frameText(bytes));
      this.#events.push({ kind: "output", fd: type === frameTypes.stderr ? 2 : 1, bytes });
    },
    control: (type, payload) => {
      const event = controlEvent(type, payload);
      if (event !== undefined) this.#events.push(event);
    },
  });

  decode(chunk: Uint8Array): readonly ServerEvent[] {
    this.#events = [];
    this.#decoder.push(chunk);
    return this.#events;
  }
}

const sessionHeaderBytes = 8;

/** Frames both ways. */
export function sessionDialect(): Dialect {
  const output = new FramedOutput();
  return {
    decode: (chunk) => output.decode(chunk),
    inputHeaderBytes: sessionHeaderBytes,
    encodeInput(buffer, length) {
      writeFrameHeader(buffer, 0, frameTypes.stdin, length);
      return buffer.subarray(0, sessionHeaderBytes + length);
    },
    endOfInput: emptyFrame(frameTypes.stdinEnd),
    encodeSignal: (signal) => encodeJsonFrame(frameTypes.signal, { signal }),
    encodeResize: (size) => encodeJsonFrame(frameTypes.resize, size),
    needsVerdict: true,
  };
}

function emptyFrame(type: number): Uint8Array {
  const frame = new Uint8Array(sessionHeaderBytes);
  writeFrameHeader(frame, 0, type, 0);
  return frame;
}

/** Docker's attach: output framed without a terminal and raw with one, input raw. */
export function attachDialect(tty: boolean): Dialect {
  const output = new FramedOutput();
  return {
    decode: (chunk) => (tty ? [{ kind: "output", fd: 1, bytes: chunk }] : output.decode(chunk)),
    inputHeaderBytes: 0,
    encodeInput: (buffer, length) => buffer.subarray(0, length),
    endOfInput: undefined,
    encodeSignal: () => undefined,
    encodeResize: () => undefined,
    needsVerdict: false,
  };
}
