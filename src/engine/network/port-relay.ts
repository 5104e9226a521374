/**
 * A published port at which the engine listens itself and passes on what comes, so that for the host's firewall it is a
 * port of the host like any other. It needs no rule, and lives no longer than the engine.
 */
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { joinDuplexes } from "../../lib/byte-duplex.ts";
import { after, type Timer } from "../../lib/timer.ts";
import { adoptListener, connectTcp } from "../../transport/tcp.ts";
import { acceptMany, receiveMuch } from "./host-port.ts";
import type { PublishedPort } from "./model.ts";

/** How many clients one UDP port has at a time, and after how long without a word one is forgotten. */
const mostFlows = 1024;
const flowMs = 90_000;

interface RelayTarget {
  readonly address: string;
  readonly port: number;
}

interface Flow {
  readonly socket: Promise<Bun.udp.ConnectedSocket<"buffer">>;
  timer: Timer;
}

export class PortRelay implements Disposable {
  readonly #report: (thrown: unknown) => void;
  /** The container's address and port; undefined: nobody is behind it yet. */
  #target: RelayTarget | undefined;
  #listener: Disposable | undefined;
  /** By the client's address and port. */
  readonly #flows = new Map<string, Flow>();
  #isClosed = false;

  /** `held`: bound to the port, and the relay's from then on. */
  constructor(
    { protocol }: Pick<PublishedPort, "protocol">,
    held: OwnedFd,
    report: (thrown: unknown) => void,
  ) {
    this.#report = report;
    if (protocol === "tcp") this.#listener = this.#listen(held);
    else this.#receive(held).catch(report);
  }

  /** What comes from now on goes to that address; connections that are there stay where they are. */
  lead(target: RelayTarget): void {
    const { address, port } = target;
    if (this.#target?.address === address && this.#target.port === port) return;
    this.#target = target;
    this.#forgetFlows();
  }

  [Symbol.dispose](): void {
    this.#isClosed = true;
    this.#listener?.[Symbol.dispose]();
    this.#forgetFlows();
  }

  #listen(held: OwnedFd): Disposable {
    acceptMany(held);
    return adoptListener(held.take(), (client) => {
      if (this.#target === undefined) {
        client.destroy();
        return;
      }
      // A refusal in the container is one at the port: the client's connection ends without a word.
      connectTcp(this.#target.address, this.#target.port).then(
        (server) => void joinDuplexes(client, server),
        () => client.destroy(),
      );
    });
  }

  async #receive(held: OwnedFd): Promise<void> {
    receiveMuch(held);
    const place = { fd: held.take() };
    const socket = await Bun.udpSocket({
      ...place,
      socket: {
        data: (own, data, port, address) => {
          this.#pass(own, Buffer.from(data), port, address);
        },
        error: () => {},
      },
    });
    this.#listener = { [Symbol.dispose]: () => socket.close() };
    if (this.#isClosed) socket.close();
  }

  #pass(own: Bun.udp.Socket<"buffer">, data: Buffer, port: number, address: string): void {
    const key = `${address} ${port}`;
    const flow = this.#flows.get(key) ?? this.#flowOf(own, key, port, address);
    if (flow === undefined) return;
    flow.timer.cancel();
    flow.timer = this.#forgetLater(key);
    flow.socket.then((socket) => socket.send(data)).catch(() => {});
  }

  #flowOf(own: Bun.udp.Socket<"buffer">, key: string, port: number, address: string): Flow | undefined {
    if (this.#target === undefined || this.#flows.size >= mostFlows) return undefined;
    const isIpv6 = this.#target.address.includes(":");
    const socket = Bun.udpSocket({
      // A socket is of the family of its own address.
      ...(isIpv6 && { hostname: "::" }),
      connect: { hostname: this.#target.address, port: this.#target.port },
      socket: {
        data(_socket, data) {
          try {
            own.send(data, port, address);
          } catch {
            // What goes by UDP may be lost.
          }
        },
        error: () => {},
      },
    });
    socket.catch(this.#report);
    const flow = { socket, timer: this.#forgetLater(key) };
    this.#flows.set(key, flow);
    return flow;
  }

  #forgetLater(key: string): Timer {
    return after(flowMs, () => this.#forget(key), { background: true });
  }

  #forget(key: string): void {
    const flow = this.#flows.get(key);
    this.#flows.delete(key);
    flow?.timer.cancel();
    flow?.socket.then((socket) => socket.close()).catch(() => {});
  }

  #forgetFlows(): void {
    for (const key of [...this.#flows.keys()]) this.#forget(key);
  }
}
