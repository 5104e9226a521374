/**
 * A stream that first tells what a log holds and then, if there is one, goes on with a live stream: every byte of output
 * once. A supervisor that was asked for it (`attachFlags.logs`) says first how much output came before what it sends.
 */
import { encodeFrame, frameTypes } from "../../docker/framing.ts";
import { Breather } from "../../lib/breather.ts";
import type { ByteDuplex, DuplexHandlers } from "../../lib/byte-duplex.ts";
import type { LogCursor, LogStop } from "../log/mod.ts";

const placeBytes = 8;

export interface Replay {
  /** Makes the reader of the past. */
  readonly open: (stop: LogStop) => LogCursor;
  readonly live: ByteDuplex | undefined;
  /** The live stream begins with its place in the output; otherwise what is in the log by now is the past. */
  readonly saysPlace: boolean;
  readonly tty: boolean;
}

export class ReplayStream implements ByteDuplex {
  readonly #live: ByteDuplex | undefined;
  readonly #tty: boolean;
  #cursor: LogCursor | undefined;
  /** The past has been told. */
  #isLive = false;
  /** What came of the live stream while the past was being told. */
  #early: Uint8Array[] = [];
  #handlers: DuplexHandlers | undefined;
  #paused = false;
  #closed = false;
  #pumping = false;

  constructor(replay: Replay) {
    this.#live = replay.live;
    this.#tty = replay.tty;
    if (replay.live !== undefined && replay.saysPlace) this.#awaitPlace(replay.live, replay.open);
    else {
      this.#cursor = replay.open("now");
      replay.live?.pause();
    }
  }

  listen(handlers: DuplexHandlers): void {
    this.#handlers = handlers;
    if (this.#isLive) this.#live?.listen(handlers);
    else void this.#pump();
  }

  write(chunk: Uint8Array): boolean {
    return this.#live?.write(chunk) ?? true;
  }

  end(): void {
    this.#live?.end();
  }

  destroy(): void {
    this.#dropCursor();
    if (this.#live !== undefined) this.#live.destroy();
    this.#close();
  }

  pause(): void {
    this.#paused = true;
    if (this.#isLive) this.#live?.pause();
  }

  resume(): void {
    this.#paused = false;
    if (this.#isLive) this.#live?.resume();
    else void this.#pump();
  }

  #awaitPlace(live: ByteDuplex, open: Replay["open"]): void {
    const begin = (bytes: Uint8Array): void => {
      live.pause();
      const place = new DataView(bytes.buffer, bytes.byteOffset).getBigUint64(0, true);
      if (bytes.length > placeBytes) this.#early.push(bytes.slice(placeBytes));
      this.#cursor = open({ output: Number(place) });
      void this.#pump();
    };
    let head: Uint8Array = new Uint8Array(0);
    // An end or a closing that is heard here is told again to who listens after the past.
    const over = (): void => {
      if (this.#cursor !== undefined || this.#isLive || this.#closed) return;
      this.#cursor = open("now");
      void this.#pump();
    };
    live.listen({
      data: (chunk) => {
        if (this.#cursor !== undefined) this.#early.push(chunk.slice());
        else {
          head = Buffer.concat([head, chunk]);
          if (head.length >= placeBytes) begin(head);
        }
      },
      end: over,
      close: over,
      drain: () => this.#handlers?.drain?.(),
    });
  }

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const breather = new Breather();
    try {
      while (!this.#paused && this.#handlers !== undefined && this.#cursor !== undefined) {
        const batch = this.#cursor.next();
        if (batch === undefined) this.#goLive();
        else {
          for (const { bytes, stream } of batch) {
            this.#handlers.data(this.#tty ? bytes : encodeFrame(frameTypes[stream], bytes));
          }
          await breather.breathe();
        }
      }
    } catch (thrown) {
      this.#dropCursor();
      this.#live?.destroy();
      this.#close(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      this.#pumping = false;
    }
  }

  #goLive(): void {
    const handlers = this.#handlers;
    if (handlers === undefined || this.#closed) return;
    this.#dropCursor();
    this.#isLive = true;
    for (const chunk of this.#early) handlers.data(chunk);
    this.#early = [];
    if (this.#live === undefined) {
      handlers.end();
      this.#close();
      return;
    }
    this.#live.listen(handlers);
    if (!this.#paused) this.#live.resume();
  }

  #dropCursor(): void {
    this.#cursor?.[Symbol.dispose]();
    this.#cursor = undefined;
  }

  #close(error?: Error): void {
    if (this.#closed || (this.#isLive && this.#live !== undefined)) return;
    this.#closed = true;
    this.#handlers?.close(error);
  }
}
