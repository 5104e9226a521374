/**
 * A name server for each network of users: at an address of their own, on a port of the kernel's choice, where the firewall
 * leads what containers send to port 53 of their gateway. So a server of the host on that port is not in the way, and none of ours is in its.
 */
import { monotonicMs } from "../../../lib/clock.ts";
import { after, type Timer } from "../../../lib/timer.ts";
import type { Network } from "../model.ts";
import { nameServerHost } from "../name-server-address.ts";
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
  /** Another number than before: containers have changed. */
  readonly generation: () => number;
  /** Where the server of a network is, or that there is none any more. */
  readonly placed: (network: string, port: number | undefined) => void;
  readonly report: (thrown: unknown) => void;
}

interface Server {
  close(): void;
}

const lengthBytes = 2;
const mostTries = 5;
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
    this.#upstream.close();
  }

  /** The port has to be free for both protocols. */
  async #listen(network: Network): Promise<Server> {
    for (let tries = 1; ; tries += 1) {
      try {
        return await this.#listenOnce(network);
      } catch (thrown) {
        if (tries === mostTries) throw thrown;
      }
    }
  }

  async #listenOnce(network: Network): Promise<Server> {
    const hostname = nameServerHost;
    let bound: Bun.udp.Socket<"buffer"> | undefined;
    const answers = new OwnAnswers();
    const replies = new SendTogether(() => bound);
    const udp = await Bun.udpSocket({
      hostname,
      port: 0,
      socket: {
        data: (_socket, data, port, address) => {
          const known = answers.get(address, data, this.#context.generation());
          if (known !== undefined) {
            replies.add(known, port, address);
            return;
          }
          const query = new Uint8Array(data);
          const keep = (answer: Uint8Array): void => answers.put(address, query, answer);
          this.#send(this.#answer(network, address, query, true, keep), (message) => {
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
        hostname,
        port: udp.port,
        socket: {
          open: (socket) => this.#accept(network, socket),
          close: ({ data }) => {
            data.timer?.cancel();
            if (data.from !== undefined) this.#connections.leave(data.from);
          },
          data: (socket, data) => {
            const pending = joined(socket.data.pending, data);
            socket.data.pending = pending;
            if (pending.length > mostTcpBytes) socket.terminate();
            else this.#answerStream(network, socket);
          },
          error: () => {},
        },
      });
      this.#context.placed(network.id, udp.port);
      const listener = tcp;
      return {
        close: () => {
          udp.close();
          listener.stop(true);
          this.#context.placed(network.id, undefined);
        },
      };
    } catch (thrown) {
      udp.close();
      tcp?.stop(true);
      throw thrown;
    }
  }

  /** Whom the network does not know is answered nothing, so it holds no connection either. */
  #accept(network: Network, socket: Bun.Socket<Connection>): void {
    const from = socket.remoteAddress;
    const pending = new Uint8Array();
    const isWelcome = this.#context.askerOf(network, from) !== undefined && this.#connections.enter(from);
    if (isWelcome) {
      const timer = after(connectionMs, () => socket.terminate(), { background: true });
      socket.data = { pending, from, timer };
    } else {
      socket.data = { pending, from: undefined, timer: undefined };
      socket.terminate();
    }
  }

  #answerStream(network: Network, socket: Bun.Socket<Connection>): void {
    for (;;) {
      const { pending } = socket.data;
      if (pending.length < lengthBytes) return;
      const size = ((pending[0] ?? 0) << 8) | (pending[1] ?? 0);
      if (pending.length < lengthBytes + size) return;
      const query = pending.slice(lengthBytes, lengthBytes + size);
      socket.data.pending = pending.slice(lengthBytes + size);
      this.#send(this.#answer(network, socket.remoteAddress, query, false), (message) => {
        if (message === undefined) socket.end();
        else socket.write(joined(Uint8Array.of(message.length >>> 8, message.length & 0xff), message));
      });
    }
  }

  /** At once where nobody else has to be asked; undefined: that is worth no answer. `keep` gets what will be said again. */
  #answer(
    network: Network,
    from: string,
    query: Uint8Array,
    byUdp: boolean,
    keep: (answer: Uint8Array) => void = () => undefined,
  ): Uint8Array | undefined | Promise<Uint8Array> {
    const parsed = parseQuery(query);
    if (parsed.kind === "noise") return undefined;
    if (parsed.kind === "bad") return reply(query, undefined, parsed.code);
    const { question } = parsed;
    const asker = this.#context.askerOf(network, from);
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
    if (!this.#forwarded.enter(from)) return reply(query, question, "failure");
    return this.#forward(query, question, decision.servers, byUdp).finally(() => this.#forwarded.leave(from));
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

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
