/**
 * Asks other name servers, from the host: one query at a time per try, a short wait, then the next server. A query by UDP
 * leaves by one of several ports, so that nobody guesses port and id of one that is out; one by TCP goes on by TCP.
 */
import { randomHex } from "../../../lib/ids.ts";
import { after, type Timer } from "../../../lib/timer.ts";
import { isAnswerTo, messageId, type Question, replyCodeOf, replyCodes, withId } from "./message.ts";
import { sendTo } from "./send-to.ts";
import { askByTcp } from "./upstream-tcp.ts";

const defaults = { port: 53, tryMs: 2000 } as const;
/** How often the whole list is gone through. */
const rounds = 2;
const mostWaiting = 1024;
/** How many sockets of each family, and after how many queries one has another port. */
const mostSockets = 8;
const queriesPerSocket = 4096;

interface Waiting {
  readonly query: Uint8Array;
  readonly question: Question;
  readonly server: string;
  readonly settle: (answer: Uint8Array | undefined) => void;
}

type UdpSocket = Bun.udp.Socket<"buffer">;

interface Outlet {
  readonly socket: Promise<UdpSocket>;
  /** Under the ids that are out by it. */
  readonly waiting: Map<number, Waiting>;
  sent: number;
}

export class Upstream {
  readonly #port: number;
  readonly #tryMs: number;
  readonly #outlets = new Map<string, Outlet>();
  #waiting = 0;
  #isClosed = false;

  constructor({ port, tryMs }: { readonly port?: number; readonly tryMs?: number } = {}) {
    this.#port = port ?? defaults.port;
    this.#tryMs = tryMs ?? defaults.tryMs;
  }

  /** The answer under the id of the query; undefined when nobody gives one. */
  async ask(
    query: Uint8Array,
    question: Question,
    servers: readonly string[],
    byUdp = true,
  ): Promise<Uint8Array | undefined> {
    let refusal: Uint8Array | undefined;
    const canonical = servers.flatMap((server) => canonicalAddress(server) ?? []);
    for (let round = 0; round < rounds; round += 1) {
      for (const server of canonical) {
        if (this.#waiting >= mostWaiting || this.#isClosed) return refusal;
        this.#waiting += 1;
        try {
          const answer = byUdp
            ? await this.#askByUdp(query, question, server)
            : await this.#askByTcp(query, question, server);
          if (answer === undefined) continue;
          const own = withId(answer, messageId(query));
          // One that cannot say is not the last word as long as there are others.
          if (!isRefusal(own)) return own;
          refusal ??= own;
        } finally {
          this.#waiting -= 1;
        }
      }
      if (refusal !== undefined) return refusal;
    }
    return undefined;
  }

  close(): void {
    this.#isClosed = true;
    for (const outlet of this.#outlets.values()) closeOutlet(outlet);
    this.#outlets.clear();
  }

  async #askByTcp(query: Uint8Array, question: Question, server: string): Promise<Uint8Array | undefined> {
    const answer = await askByTcp(query, server, this.#port, this.#tryMs);
    return answer !== undefined && isAnswerTo(answer, query, question) ? answer : undefined;
  }

  async #askByUdp(query: Uint8Array, question: Question, server: string): Promise<Uint8Array | undefined> {
    const key = `${server.includes(":") ? 6 : 4} ${Number.parseInt(randomHex(2), 16) % mostSockets}`;
    const outlet = this.#outletAt(key);
    let socket: UdpSocket;
    try {
      socket = await outlet.socket;
    } catch {
      if (this.#outlets.get(key) === outlet) this.#outlets.delete(key);
      return undefined;
    }
    return await new Promise((resolve) => {
      let timer: Timer | undefined;
      const id = freeId(outlet.waiting);
      const settle = (answer: Uint8Array | undefined): void => {
        timer?.cancel();
        outlet.waiting.delete(id);
        if (this.#outlets.get(key) !== outlet && outlet.waiting.size === 0) closeOutlet(outlet);
        resolve(answer);
      };
      outlet.waiting.set(id, { query, question, server, settle });
      timer = after(this.#tryMs, () => settle(undefined), { background: true });
      if (!sendTo(socket, withId(query, id), this.#port, server)) settle(undefined);
    });
  }

  #outletAt(key: string): Outlet {
    const found = this.#outlets.get(key);
    if (found !== undefined && found.sent < queriesPerSocket) {
      found.sent += 1;
      return found;
    }
    const waiting = new Map<number, Waiting>();
    const outlet: Outlet = { waiting, socket: this.#open(key.startsWith("6"), waiting), sent: 1 };
    this.#outlets.set(key, outlet);
    // What is out by the old one is waited for; the last answer closes it.
    if (found !== undefined && found.waiting.size === 0) closeOutlet(found);
    return outlet;
  }

  async #open(isIpv6: boolean, waiting: ReadonlyMap<number, Waiting>): Promise<UdpSocket> {
    return await Bun.udpSocket({
      hostname: isIpv6 ? "::" : "0.0.0.0",
      socket: {
        data: (_socket, data, from, address) => {
          const asked = waiting.get(messageId(data));
          if (asked === undefined || from !== this.#port || address !== asked.server) return;
          if (isAnswerTo(data, asked.query, asked.question)) asked.settle(new Uint8Array(data));
        },
        // Nobody listens there: the time of the try tells.
        error: () => {},
      },
    });
  }
}

function closeOutlet({ socket, waiting }: Outlet): void {
  socket.then((open) => open.close()).catch(() => {});
  for (const { settle } of [...waiting.values()]) settle(undefined);
}

function isRefusal(answer: Uint8Array): boolean {
  const code = replyCodeOf(answer);
  return code === replyCodes.failure || code === replyCodes.refused || code === replyCodes.notImplemented;
}

/** As the kernel writes it; undefined for what is no address. */
function canonicalAddress(server: string): string | undefined {
  if (!server.includes(":")) return server;
  try {
    return new URL(`http://[${server}]/`).hostname.slice(1, -1);
  } catch {
    // With a scope (fe80::1%eth0) it is sent to as it is written.
    return server.includes("%") ? server : undefined;
  }
}

/** Not to be guessed by whoever would answer in a server's place. */
function freeId(waiting: ReadonlyMap<number, Waiting>): number {
  for (;;) {
    const id = Number.parseInt(randomHex(4), 16);
    if (!waiting.has(id)) return id;
  }
}
