/** Asks other name servers, from the host: one query at a time per try, a short wait, then the next server. */
import { randomHex } from "../../../lib/ids.ts";
import { after, type Timer } from "../../../lib/timer.ts";
import { isAnswerTo, messageId, type Question, withId } from "./message.ts";
import { sendTo } from "./send-to.ts";

const tryMs = 2000;
/** How often the whole list is gone through. */
const rounds = 2;
const mostWaiting = 1024;
const port = 53;

interface Waiting {
  readonly query: Uint8Array;
  readonly question: Question;
  readonly server: string;
  readonly settle: (answer: Uint8Array | undefined) => void;
}

type UdpSocket = Bun.udp.Socket<"buffer">;

export class Upstream {
  readonly #waiting = new Map<number, Waiting>();
  #socket: Promise<UdpSocket> | undefined;

  /** The answer under the id of the query; undefined when nobody gives one. */
  async ask(
    query: Uint8Array,
    question: Question,
    servers: readonly string[],
  ): Promise<Uint8Array | undefined> {
    for (let round = 0; round < rounds; round += 1) {
      for (const server of servers) {
        if (this.#waiting.size >= mostWaiting) return undefined;
        const answer = await this.#askOne(query, question, server);
        if (answer !== undefined) return withId(answer, messageId(query));
      }
    }
    return undefined;
  }

  close(): void {
    this.#socket?.then((socket) => socket.close()).catch(() => {});
    this.#socket = undefined;
    for (const { settle } of [...this.#waiting.values()]) settle(undefined);
  }

  async #askOne(query: Uint8Array, question: Question, server: string): Promise<Uint8Array | undefined> {
    this.#socket ??= this.#open();
    let socket: UdpSocket;
    try {
      socket = await this.#socket;
    } catch {
      this.#socket = undefined;
      return undefined;
    }
    return await new Promise((resolve) => {
      let timer: Timer | undefined;
      const id = this.#freeId();
      const settle = (answer: Uint8Array | undefined): void => {
        timer?.cancel();
        this.#waiting.delete(id);
        resolve(answer);
      };
      this.#waiting.set(id, { query, question, server, settle });
      timer = after(tryMs, () => settle(undefined), { background: true });
      if (!sendTo(socket, withId(query, id), port, server)) settle(undefined);
    });
  }

  async #open(): Promise<UdpSocket> {
    return await Bun.udpSocket({
      socket: {
        data: (_socket, data, from, address) => {
          const waiting = this.#waiting.get(messageId(data));
          if (waiting === undefined || from !== port || address !== waiting.server) return;
          if (isAnswerTo(data, waiting.query, waiting.question)) waiting.settle(new Uint8Array(data));
        },
        // Nobody listens there: the time of the try tells.
        error: () => {},
      },
    });
  }

  /** Not to be guessed by whoever would answer in a server's place. */
  #freeId(): number {
    for (;;) {
      const id = Number.parseInt(randomHex(4), 16);
      if (!this.#waiting.has(id)) return id;
    }
  }
}
