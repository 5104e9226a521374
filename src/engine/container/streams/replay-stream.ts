/**
 * A stream that first tells what a log holds and then, if there is one, goes on with a live stream: every byte of output
 * once. The live stream of a running container is made only when the log has been told as far as it goes, since a
 * supervisor keeps what a client does not read for a short time only, and the past may take a slow client long.
 */
import { encodeFrame, frameTypes } from "../../../docker/framing.ts";
import { Breather } from "../../../lib/breather.ts";
import type { ByteDuplex, DuplexHandlers } from "../../../lib/byte-duplex.ts";
import type { LogCursor, LogEntry } from "../../log/mod.ts";

const placeBytes = 8;

export interface Replay {
  /** Of the past. With `attach` one that goes on with what is written while it is told. */
  readonly cursor: LogCursor;
  readonly live: ByteDuplex | undefined;
  /**
   * Connects `live` with a running container that was asked for its place (`attachFlags.logs`): its first bytes say how
   * much output came before the rest. Without, what the cursor finds is the past.
   */
  readonly attach?: (() => Promise<void>) | undefined;
  readonly tty: boolean;
}

export class ReplayStream implements ByteDuplex {
  readonly #live: ByteDuplex | undefined;
  readonly #tty: boolean;
  #attach: Replay["attach"];
  #cursor: LogCursor | undefined;
  /** The past has been told. */
  #isLive = false;
  /** What came of the live stream while the rest of the past was being told. */
  #early: Uint8Array[] = [];
  #handlers: DuplexHandlers | undefined;
  #paused = false;
  #closed = false;
  #pumping = false;

  constructor(replay: Replay) {
    this.#live = replay.live;
    this.#tty = replay.tty;
    this.#attach = replay.attach;
    this.#cursor = replay.cursor;
    if (replay.attach === undefined) replay.live?.pause();
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

  async #pump(): Promise<void> {
    if (this.#pumping) return;
    this.#pumping = true;
    const breather = new Breather();
    try {
      while (!this.#paused && this.#handlers !== undefined && this.#cursor !== undefined) {
        const batch = this.#cursor.next();
        if (batch !== undefined) {
          if (batch.length > 0) this.#handlers.data(this.#bytesOf(batch));
          await breather.breathe();
        } else if (this.#attach !== undefined) await this.#reachLive(this.#attach);
        else this.#goLive();
      }
    } catch (thrown) {
      this.#dropCursor();
      this.#live?.destroy();
      this.#close(thrown instanceof Error ? thrown : new Error(String(thrown)));
    } finally {
      this.#pumping = false;
    }
  }

  #bytesOf(batch: readonly LogEntry[]): Uint8Array {
    const { stdout, stderr } = frameTypes;
    const types = { stdout, stderr };
    return Buffer.concat(
      batch.map(({ bytes, stream }) => (this.#tty ? bytes : encodeFrame(types[stream], bytes))),
    );
  }

  /** The log ends here for now. What was written since is told up to the place where the live stream begins. */
  async #reachLive(attach: () => Promise<void>): Promise<void> {
    this.#attach = undefined;
    await attach();
    const place = this.#live === undefined ? undefined : await this.#placeOf(this.#live);
    // One that has ended without saying its place has left everything in the log.
    if (place !== undefined) this.#cursor?.stopAt(place);
  }

  #placeOf(live: ByteDuplex): Promise<number | undefined> {
    const { promise, resolve } = Promise.withResolvers<number | undefined>();
    let head: Uint8Array | undefined = new Uint8Array(0);
    // An end or a closing that is heard here is told again to who listens after the past.
    const over = (): void => resolve(undefined);
    live.listen({
      data: (chunk) => {
        if (head === undefined) {
          this.#early.push(new Uint8Array(chunk));
          return;
        }
        head = Buffer.concat([head, chunk]);
        if (head.length < placeBytes) return;
        live.pause();
        if (head.length > placeBytes) this.#early.push(head.slice(placeBytes));
        resolve(Number(new DataView(head.buffer, head.byteOffset).getBigUint64(0, true)));
        head = undefined;
      },
      end: over,
      close: over,
      drain: () => this.#handlers?.drain?.(),
    });
    return promise;
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
