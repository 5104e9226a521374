/** A client that sends and sees raw bytes, for tests of the wire. */
import { connect, type Socket } from "node:net";

export class RawClient {
  readonly #socket: Socket;
  #received = Buffer.alloc(0);
  #ended = false;
  #closed = false;
  #wake: (() => void) | undefined;

  private constructor(socket: Socket) {
    this.#socket = socket;
    socket.on("data", (chunk: Buffer) => {
      this.#received = Buffer.concat([this.#received, chunk]);
      this.#wake?.();
    });
    socket.on("end", () => {
      this.#ended = true;
      this.#wake?.();
    });
    socket.on("error", () => undefined);
    socket.on("close", () => {
      this.#closed = true;
      this.#wake?.();
    });
  }

  static open(path: string): Promise<RawClient> {
    return new Promise((resolve, reject) => {
      const socket = connect({ path, allowHalfOpen: true });
      const client = new RawClient(socket);
      socket.once("connect", () => resolve(client));
      socket.once("error", reject);
    });
  }

  /** Everything received and not yet taken, one character per byte. */
  get text(): string {
    return this.#received.toString("latin1");
  }

  get byteCount(): number {
    return this.#received.length;
  }

  /** Sent here and not yet taken by the kernel. */
  get unsentBytes(): number {
    return this.#socket.writableLength;
  }

  get ended(): boolean {
    return this.#ended;
  }

  send(bytes: string | Uint8Array): void {
    this.#socket.write(typeof bytes === "string" ? Buffer.from(bytes, "latin1") : bytes);
  }

  /** Half-close. */
  end(): void {
    this.#socket.end();
  }

  destroy(): void {
    this.#socket.destroy();
  }

  pause(): void {
    this.#socket.pause();
  }

  resume(): void {
    this.#socket.resume();
  }

  /** Waits until `done` holds; throws when the connection ends before. */
  async until(done: (text: string) => boolean): Promise<void> {
    while (!done(this.text)) {
      if (this.#ended || this.#closed) throw new Error(`connection ended after ${JSON.stringify(this.text)}`);
      await this.#change();
    }
  }

  /** Waits for the end of what the server sends, and returns all of it. */
  async untilEnd(): Promise<string> {
    while (!this.#ended && !this.#closed) await this.#change();
    return this.text;
  }

  /** Waits for and removes one reply with a Content-Length (or without body when `bodyless`). */
  async reply(
    bodyless = false,
  ): Promise<{ readonly status: number; readonly head: string; readonly body: string }> {
    await this.until((text) => text.includes("\r\n\r\n"));
    const headEnd = this.text.indexOf("\r\n\r\n") + 4;
    const head = this.text.slice(0, headEnd);
    const length = bodyless ? 0 : Number(/^content-length: ([0-9]+)/im.exec(head)?.[1] ?? 0);
    await this.until((text) => text.length >= headEnd + length);
    const body = this.text.slice(headEnd, headEnd + length);
    this.#received = this.#received.subarray(headEnd + length);
    return { status: Number(head.slice(9, 12)), head, body };
  }

  /** Waits for and removes `count` bytes. */
  async take(count: number): Promise<Buffer> {
    await this.until(() => this.#received.length >= count);
    const taken = this.#received.subarray(0, count);
    this.#received = this.#received.subarray(count);
    return taken;
  }

  #change(): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = () => {
        this.#wake = undefined;
        resolve();
      };
    });
  }
}
