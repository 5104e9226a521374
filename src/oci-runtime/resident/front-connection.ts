/** The connection to one front: messages and descriptors both ways. The front is our own program; a stream that does not decode is cut off. */
import { helper } from "../../abi/front.ts";
import { encodeMessage, type Message, type MessageFields } from "../../abi/message.ts";
import { MessageSplitter } from "../../abi/message-splitter.ts";
import type { MessageName } from "../../abi/schema.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { receiveWithSender, sendWithFds } from "../../kernel/send-fds.ts";
import { SyscallError, trySyscall } from "../../kernel/syscall.ts";
import { errno } from "../../linux/errno.ts";
import { CallerGone } from "../host/host.ts";
import type { WaitLoop } from "./wait-loop.ts";

const bufferBytes = 64 * 1024;
const foreverMs = 2 ** 31 - 1;
/** MSG_DONTWAIT and MSG_NOSIGNAL. */
const sendFlags = 0x40 | 0x4000;

/** For all connections: it is filled and emptied in one go. One for each read would keep the collector busy. */
const chunk = new Uint8Array(bufferBytes);

/** Thrown when the front has gone, or speaks something else. */
export class FrontGone extends CallerGone {
  override readonly name = "FrontGone";
}

export class FrontConnection implements Disposable {
  readonly #socket: OwnedFd;
  readonly #loop: WaitLoop;
  readonly #fds: OwnedFd[] = [];
  readonly #unsent: Uint8Array[] = [];
  readonly #splitter = new MessageSplitter();
  #sender: number | undefined;

  constructor(socket: OwnedFd, loop: WaitLoop) {
    this.#socket = socket;
    this.#loop = loop;
  }

  /** The next message. Throws `FrontGone` at the end of the connection, also when it does not come in `limitMs`. */
  async receive(limitMs = foreverMs): Promise<Message> {
    await this.flush();
    for (;;) {
      const message = this.#splitter.next();
      if (message !== undefined) return message;
      await this.#read(limitMs);
    }
  }

  /** Bytes that belong to the message before. */
  async receiveBytes(count: number, limitMs: number): Promise<Uint8Array> {
    for (;;) {
      const bytes = this.#splitter.takeBytes(count);
      if (bytes !== undefined) return bytes;
      await this.#read(limitMs);
    }
  }

  /** Who sent what came last, where the kernel was asked to tell. */
  get sender(): number | undefined {
    return this.#sender;
  }

  /** Descriptors that came along until now; the caller owns them. */
  takeFds(): OwnedFd[] {
    return this.#fds.splice(0);
  }

  send<N extends MessageName>(name: N, fields: MessageFields<N>, fds: readonly OwnedFd[] = []): void {
    this.sendBytes(encodeMessage(name, fields), fds);
  }

  /** Without descriptors it never waits: what a front does not take, since its output stands still, is kept for it. */
  sendBytes(bytes: Uint8Array, fds: readonly OwnedFd[] = []): void {
    if (fds.length === 0) {
      this.#unsent.push(bytes);
      this.#sendSome();
      return;
    }
    try {
      for (const earlier of this.#unsent.splice(0)) sendWithFds(this.#socket, earlier, []);
      sendWithFds(this.#socket, bytes, fds);
    } catch (thrown) {
      if (thrown instanceof SyscallError) throw new FrontGone(thrown.message);
      throw thrown;
    }
  }

  /** Until the front has taken everything. Throws `FrontGone`. */
  async flush(): Promise<void> {
    while (this.#unsent.length > 0) {
      await this.#loop.writable(this.#socket, foreverMs);
      this.#sendSome();
    }
  }

  #sendSome(): void {
    for (let next = this.#unsent[0]; next !== undefined; next = this.#unsent[0]) {
      const taken = trySyscall("sendto", this.#socket.raw, next, next.length, sendFlags, 0, 0);
      if (taken === -errno.EAGAIN) return;
      if (taken < 0 && taken !== -errno.EINTR) throw new FrontGone("the front has gone");
      if (taken === next.length) this.#unsent.shift();
      else if (taken > 0) this.#unsent[0] = next.subarray(taken);
    }
  }

  async #read(limitMs: number): Promise<void> {
    if (!(await this.#loop.readable(this.#socket, limitMs))) throw new FrontGone("the front says nothing");
    let length = 0;
    try {
      const received = receiveWithSender(this.#socket, chunk, helper.requestFds);
      this.#fds.push(...received.fds);
      length = received.length;
      this.#sender = received.sender;
    } catch (thrown) {
      if (!(thrown instanceof SyscallError)) throw thrown;
    }
    if (length === 0) throw new FrontGone("the front has gone");
    this.#splitter.push(chunk.subarray(0, length));
  }

  [Symbol.dispose](): void {
    this.#socket[Symbol.dispose]();
    for (const fd of this.takeFds()) fd[Symbol.dispose]();
  }
}
