/**
 * A name server for each network of users: at an address of their own, on a port of the kernel's choice, where the firewall
 * leads what containers send to port 53 of their gateway. So a server of the host on that port is not in the way, and none of ours is in its.
 */

import { type NameSockets, openNameSockets } from "../../../kernel/name-sockets.ts";
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { monotonicMs } from "../../../lib/clock.ts";
import { after, type Timer } from "../../../lib/timer.ts";
import type { Network } from "../model.ts";
import { nameServerAddress } from "../name-server-address.ts";
import { type Asker, decideAnswer } from "./answer.ts";
import { AnswerCache } from "./answer-cache.ts";
import { parseQuery, type Question, reply } from "./message.ts";
import { OwnAnswers } from "./own-answers.ts";
import { SendTogether } from "./send-together.ts";
import { Tally } from "./tally.ts";
import { Upstream } from "./upstream.ts";

export interface NameServersContext {
  /** Who asks, by the address that the question comes from; undefined: nobody whom the network knows. */
  readonly askerOf: (network: Network, address: string) => Asker | undefined;
  /** A container by its id, for what is asked within its namespace. */
  readonly askerIn: (containerId: string) => Asker | undefined;
  /** Another number than before: containers have changed. */
  readonly generation: () => number;
  /** Where the server of a network is, or that there is none any more. */
  readonly placed: (network: string, port: number | undefined) => void;
  readonly report: (thrown: unknown) => void;
}

interface Server {
  close(): void;
}

/** Who asks at a server, by the address that the question comes from, and whose share of it that uses. */
interface Seat {
  readonly askerOf: (address: string) => Asker | undefined;
  readonly shareOf: (address: string) => string;
}

const lengthBytes = 2;
/** A client that sends more than a message before it reads an answer has something else in mind. */
const mostTcpBytes = 16_384;
/** How long a message by TCP may be. */
const longestMessage = 65_535;
/** How many connections a container has to the server at a time: each is a descriptor of the engine's. */
const mostConnections = 32;
const connectionMs = 10_000;
/** How many of a container's questions are with other servers at a time, so that those of the others get there too. */
const mostForwarded = 128;

interface Connection {
  pending: Uint8Array;
  /** Counts as one of this address's connections until it is closed. */
  readonly from: string | undefined;
  /** However busy it is: a client that sends a byte now and then is not there for an answer. */
  readonly timer: Timer | undefined;
}

export class NameServers {
  readonly #context: NameServersContext;
  readonly #servers = new Map<string, Server>();
  /** What closes those within containers. */
  readonly #inner = new Set<() => void>();
  readonly #upstream = new Upstream();
  readonly #cache = new AnswerCache();
  readonly #connections = new Tally(mostConnections);
  readonly #forwarded = new Tally(mostForwarded);
  #turn = 0;

  constructor(context: NameServersContext) {
    this.#context = context;
  }

  /** Never rejects: a network without names is better than none. */
  async open(network: Network): Promise<void> {
    try {
      const server = await this.#listen(network);
      this.#servers.get(network.id)?.close();
      this.#servers.set(network.id, server);
    } catch (thrown) {
      this.#context.report(thrown);
    }
  }

  close(network: string): void {
    const server = this.#servers.get(network);
    if (server === undefined) return;
    this.#servers.delete(network);
    server.close();
  }

  [Symbol.dispose](): void {
    for (const server of this.#servers.values()) server.close();
    this.#servers.clear();
    for (const close of [...this.#inner]) close();
    this.#upstream.close();
  }

  async #listen(network: Network): Promise<Server> {
    const seat: Seat = {
      askerOf: (address) => this.#context.askerOf(network, address),
      shareOf: (address) => address,
    };
    const server = await this.#listenOnce(seat, openNameSockets(undefined, nameServerAddress));
    this.#context.placed(network.id, server.port);
    return {
      close: () => {
        server.close();
        this.#context.placed(network.id, undefined);
      },
    };
  }

  /** Serves a container within its namespace. Questions that come before it listens wait in the sockets. */
  openWithin(containerId: string, sockets: NameSockets): Disposable {
    const seat: Seat = {
      askerOf: () => this.#context.askerIn(containerId),
      shareOf: () => containerId,
    };
    let server: Server | undefined;
    let isClosed = false;
    const close = (): void => {
      if (isClosed) return;
      isClosed = true;
      server?.close();
      this.#inner.delete(close);
    };
    this.#inner.add(close);
    this.#listenOnce(seat, sockets).then((made) => {
      server = made;
      if (isClosed) made.close();
    }, this.#context.report);
    return { [Symbol.dispose]: close };
  }

  /** The sockets are the server's from then on. */
  async #listenOnce(seat: Seat, sockets: NameSockets): Promise<Server & { readonly port: number }> {
    using closing = new DisposableStack();
    closing.use(sockets);
    const descriptor = closing.use(sockets.udp.duplicate());
    let bound: Bun.udp.Socket<"buffer"> | undefined;
    const answers = new OwnAnswers();
    const replies = new SendTogether(() => bound, descriptor);
    const udp = await Bun.udpSocket({
      ...adopted(sockets.udp),
      socket: {
        data: (_socket, data, port, address) => {
          const known = answers.get(address, data, this.#context.generation());
          if (known !== undefined) {
            replies.add(known, port, address);
            return;
          }
          const query = new Uint8Array(data);
          const keep = (answer: Uint8Array): void => answers.put(address, query, answer);
          this.#send(this.#answer(seat, address, query, true, keep), (message) => {
            if (message !== undefined) replies.add(message, port, address);
          });
        },
        error: () => {},
      },
    });
    bound = udp;
    let tcp: Bun.TCPSocketListener<Connection> | undefined;
    try {
      tcp = Bun.listen<Connection>({
        ...adopted(sockets.tcp),
        hostname: "",
        port: sockets.port,
        socket: {
          open: (socket) => this.#accept(seat, socket),
          close: ({ data }) => {
            data.timer?.cancel();
            if (data.from !== undefined) this.#connections.leave(data.from);
          },
          data: (socket, data) => {
            const pending = joined(socket.data.pending, data);
            socket.data.pending = pending;
            if (pending.length > mostTcpBytes) socket.terminate();
            else this.#answerStream(seat, socket);
          },
          error: () => {},
        },
      });
      const listener = tcp;
      const open = closing.move();
      return {
        port: sockets.port,
        close: () => {
          udp.close();
          listener.stop(true);
          open.dispose();
        },
      };
    } catch (thrown) {
      udp.close();
      tcp?.stop(true);
      throw thrown;
    }
  }

  /** Whom the network does not know is answered nothing, so it holds no connection either. */
  #accept(seat: Seat, socket: Bun.Socket<Connection>): void {
    const from = seat.shareOf(socket.remoteAddress);
    const pending = new Uint8Array();
    const isWelcome = seat.askerOf(socket.remoteAddress) !== undefined && this.#connections.enter(from);
    if (isWelcome) {
      const timer = after(connectionMs, () => socket.terminate(), { background: true });
      socket.data = { pending, from, timer };
    } else {
      socket.data = { pending, from: undefined, timer: undefined };
      socket.terminate();
    }
  }

  #answerStream(seat: Seat, socket: Bun.Socket<Connection>): void {
    for (;;) {
      const { pending } = socket.data;
      if (pending.length < lengthBytes) return;
      const size = ((pending[0] ?? 0) << 8) | (pending[1] ?? 0);
      if (pending.length < lengthBytes + size) return;
      const query = pending.slice(lengthBytes, lengthBytes + size);
      socket.data.pending = pending.slice(lengthBytes + size);
      this.#send(this.#answer(seat, socket.remoteAddress, query, false), (message) => {
        if (message === undefined) socket.end();
        else socket.write(joined(Uint8Array.of(message.length >>> 8, message.length & 0xff), message));
      });
    }
  }

  /** At once where nobody else has to be asked; undefined: that is worth no answer. `keep` gets what will be said again. */
  #answer(
    seat: Seat,
    from: string,
    query: Uint8Array,
    byUdp: boolean,
    keep: (answer: Uint8Array) => void = () => undefined,
  ): Uint8Array | undefined | Promise<Uint8Array> {
    const parsed = parseQuery(query);
    if (parsed.kind === "noise") return undefined;
    if (parsed.kind === "bad") return reply(query, undefined, parsed.code);
    const { question } = parsed;
    const asker = seat.askerOf(from);
    if (asker === undefined) return reply(query, question, "refused");
    // An extension of a later version: the answer says which one is understood.
    if ((question.extension ?? 0) > 0) return reply(query, question, "none");
    this.#turn += 1;
    const decision = decideAnswer(question, asker, this.#turn);
    if (decision.kind === "answer") {
      const limit = byUdp ? question.udpBytes : longestMessage;
      const answer = reply(query, question, decision.code, decision.records, limit);
      // Several take turns.
      if (decision.code === "none" && decision.records.length <= 1) keep(answer);
      return answer;
    }
    const known = this.#cache.get(query, question, decision.servers, monotonicMs());
    if (known !== undefined) return known;
    const share = seat.shareOf(from);
    if (!this.#forwarded.enter(share)) return reply(query, question, "failure");
    return this.#forward(query, question, decision.servers, byUdp).finally(() =>
      this.#forwarded.leave(share),
    );
  }

  async #forward(
    query: Uint8Array,
    question: Question,
    servers: readonly string[],
    byUdp: boolean,
  ): Promise<Uint8Array> {
    const answer = await this.#upstream.ask(query, question, servers, byUdp);
    if (answer === undefined) return reply(query, question, "failure");
    this.#cache.put(query, question, servers, answer, monotonicMs());
    return answer;
  }

  /** Sends what `answer` comes to, now or when it is there. */
  #send(
    answer: Uint8Array | undefined | Promise<Uint8Array>,
    send: (message: Uint8Array | undefined) => void,
  ): void {
    if (answer instanceof Promise) void answer.then(send).catch(this.#context.report);
    else send(answer);
  }
}

/** Bun takes a descriptor, too, and then that alone counts; its type declarations do not say so. */
function adopted(socket: OwnedFd): { readonly fd?: number } {
  return { fd: socket.take() };
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
