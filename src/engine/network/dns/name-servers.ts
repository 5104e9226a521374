/**
 * A name server for each network of users: at the gateway's address, on a port of the kernel's choice, where the firewall
 * leads what containers send to port 53. So a server of the host on that port is not in the way, and none of ours is in its.
 */
import type { Network } from "../model.ts";
import { type Asker, decideAnswer } from "./answer.ts";
import { parseQuery, reply } from "./message.ts";
import { Upstream } from "./upstream.ts";

export interface NameServersContext {
  /** Who asks, by the address that the question comes from; undefined: nobody whom the network knows. */
  readonly askerOf: (network: Network, address: string) => Asker | undefined;
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

export class NameServers {
  readonly #context: NameServersContext;
  readonly #servers = new Map<string, Server>();
  readonly #upstream = new Upstream();
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
    const hostname = network.gateway;
    const udp = await Bun.udpSocket({
      hostname,
      port: 0,
      socket: {
        data: (socket, data, port, address) => {
          void this.#answer(network, address, new Uint8Array(data), true).then((message) => {
            if (message !== undefined) socket.send(message, port, address);
          }, this.#context.report);
        },
        error: () => {},
      },
    });
    let tcp: Bun.TCPSocketListener<{ pending: Uint8Array }> | undefined;
    try {
      tcp = Bun.listen<{ pending: Uint8Array }>({
        hostname,
        port: udp.port,
        socket: {
          open: (socket) => {
            socket.data = { pending: new Uint8Array() };
            socket.timeout(10);
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

  #answerStream(network: Network, socket: Bun.Socket<{ pending: Uint8Array }>): void {
    for (;;) {
      const { pending } = socket.data;
      if (pending.length < lengthBytes) return;
      const size = ((pending[0] ?? 0) << 8) | (pending[1] ?? 0);
      if (pending.length < lengthBytes + size) return;
      const query = pending.slice(lengthBytes, lengthBytes + size);
      socket.data.pending = pending.slice(lengthBytes + size);
      void this.#answer(network, socket.remoteAddress, query, false).then((message) => {
        if (message === undefined) socket.end();
        else socket.write(joined(Uint8Array.of(message.length >>> 8, message.length & 0xff), message));
      }, this.#context.report);
    }
  }

  async #answer(
    network: Network,
    from: string,
    query: Uint8Array,
    byUdp: boolean,
  ): Promise<Uint8Array | undefined> {
    const parsed = parseQuery(query);
    if (parsed.kind === "noise") return undefined;
    if (parsed.kind === "bad") return reply(query, undefined, parsed.code);
    const { question } = parsed;
    const asker = this.#context.askerOf(network, from);
    if (asker === undefined) return reply(query, question, "refused");
    this.#turn += 1;
    const decision = decideAnswer(question, asker, this.#turn);
    if (decision.kind === "answer") {
      const limit = byUdp ? question.udpBytes : mostTcpBytes;
      return reply(query, question, decision.code, decision.records, limit);
    }
    const answer = await this.#upstream.ask(query, question, decision.servers);
    return answer ?? reply(query, question, "failure");
  }
}

function joined(first: Uint8Array, second: Uint8Array): Uint8Array {
  const whole = new Uint8Array(first.length + second.length);
  whole.set(first);
  whole.set(second, first.length);
  return whole;
}
