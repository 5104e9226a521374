/**
 * A blocking connection to a message bus or to a service's own socket. One thread, one conversation: a call waits for
 * its answer, and signals that come meanwhile are kept until somebody asks for them.
 */
import { monotonicMs } from "../lib/clock.ts";
import { TiffinError } from "../lib/errors.ts";
import {
  type DbusCall,
  type DbusMessage,
  decodeMessage,
  encodeCall,
  messageLength,
} from "../linux/dbus/message.ts";
import type { DbusValue } from "../linux/dbus/value.ts";
import { pollIn, waitFor } from "./poll.ts";
import { connectUnix, type UnixStream } from "./unix-stream.ts";

const answerLimitMs = 30_000;
const chunkBytes = 16 * 1024;
const lineLimitBytes = 4096;
const keptSignals = 1000;
const bus = {
  destination: "org.freedesktop.DBus",
  path: "/org/freedesktop/DBus",
  interface: "org.freedesktop.DBus",
};
/**
 * EXTERNAL with an empty first answer: the socket's own credentials count, which is right in user namespaces too. All
 * in one write, as the protocol allows.
 */
const authentication = "\0AUTH EXTERNAL\r\nDATA\r\nBEGIN\r\n";

/** An error message of the other side. `name` is its D-Bus name, such as `org.freedesktop.systemd1.NoSuchUnit`. */
export class DbusError extends Error {
  override readonly name: string;

  constructor(name: string, text: string) {
    super(text === "" ? name : text);
    this.name = name;
  }
}

export class DbusConnection implements Disposable {
  readonly #stream: UnixStream;
  readonly #what: string;
  #pending = new Uint8Array(0);
  #serial = 0;
  #signals: DbusMessage[] = [];

  private constructor(stream: UnixStream, what: string) {
    this.#stream = stream;
    this.#what = what;
  }

  /**
   * Connects to the socket at `path`; `isBus` says that a message bus listens there, and not one service. Throws
   * `SyscallError` when nobody listens, TiffinError `forbidden` when the other side does not want us.
   */
  static open(path: string, isBus: boolean): DbusConnection {
    const stream = connectUnix(path);
    const connection = new DbusConnection(stream, path);
    try {
      stream.write(authentication);
      connection.#readWelcome();
      if (isBus) connection.call({ ...bus, member: "Hello" });
      return connection;
    } catch (thrown) {
      stream[Symbol.dispose]();
      throw thrown;
    }
  }

  /** Asks a bus for signals; `rule` is a match rule of the specification. */
  subscribe(rule: string): void {
    this.call({ ...bus, member: "AddMatch", signature: "s", body: [rule] });
  }

  /** Calls a method and returns the values of its answer. Throws `DbusError`, or TiffinError `unavailable` after 30 s. */
  call(call: DbusCall): readonly DbusValue[] {
    this.#serial += 1;
    const serial = this.#serial;
    this.#stream.write(encodeCall(call, serial));
    const deadline = monotonicMs() + answerLimitMs;
    for (;;) {
      const message = this.#receive(deadline, call.member);
      if (message.kind === "signal") this.#keep(message);
      if (message.replySerial !== serial) continue;
      if (message.kind === "reply") return message.body;
      if (message.kind === "error") {
        const [text] = message.body;
        throw new DbusError(message.errorName, typeof text === "string" ? text : "");
      }
    }
  }

  /** The next signal that `wanted` accepts, one that came already included. Throws `unavailable` after `limitMs`. */
  signal(wanted: (message: DbusMessage) => boolean, limitMs: number, what: string): DbusMessage {
    const deadline = monotonicMs() + limitMs;
    for (;;) {
      const kept = this.#signals.findIndex(wanted);
      const [found] = kept < 0 ? [] : this.#signals.splice(kept, 1);
      if (found !== undefined) return found;
      const message = this.#receive(deadline, what);
      if (message.kind === "signal") this.#keep(message);
    }
  }

  [Symbol.dispose](): void {
    this.#stream[Symbol.dispose]();
  }

  #keep(message: DbusMessage): void {
    this.#signals.push(message);
    if (this.#signals.length > keptSignals) this.#signals.shift();
  }

  #readMore(deadline: number, what: string): void {
    if (!waitFor(this.#stream.fd, pollIn, Math.max(0, deadline - monotonicMs()))) {
      throw this.#failure(`does not answer ${what}`);
    }
    const chunk = new Uint8Array(chunkBytes);
    const got = this.#stream.read(chunk);
    if (got === 0) throw this.#failure(`closed the connection at ${what}`);
    const joined = new Uint8Array(this.#pending.length + got);
    joined.set(this.#pending);
    joined.set(chunk.subarray(0, got), this.#pending.length);
    this.#pending = joined;
  }

  #receive(deadline: number, what: string): DbusMessage {
    for (;;) {
      const length = messageLength(this.#pending);
      if (length !== undefined && this.#pending.length >= length) {
        const message = decodeMessage(this.#pending.subarray(0, length));
        this.#pending = this.#pending.slice(length);
        return message;
      }
      this.#readMore(deadline, what);
    }
  }

  /** `DATA`, then `OK <guid>`. What follows it is the first message. */
  #readWelcome(): void {
    const deadline = monotonicMs() + answerLimitMs;
    for (;;) {
      const line = this.#takeLine();
      if (line === undefined) this.#readMore(deadline, "the authentication");
      else if (line.startsWith("OK ")) return;
      else if (line !== "DATA") {
        throw new TiffinError("forbidden", "dbus.refused", `${this.#what} refuses this user: ${line}`);
      }
    }
  }

  #takeLine(): string | undefined {
    const end = this.#pending.indexOf(0x0a);
    if (end < 0) {
      if (this.#pending.length > lineLimitBytes) throw this.#failure("does not speak D-Bus");
      return undefined;
    }
    const line = new TextDecoder("latin1").decode(this.#pending.subarray(0, end)).trimEnd();
    this.#pending = this.#pending.slice(end + 1);
    return line;
  }

  #failure(text: string): TiffinError {
    return new TiffinError("unavailable", "dbus.no-answer", `${this.#what} ${text}`);
  }
}
