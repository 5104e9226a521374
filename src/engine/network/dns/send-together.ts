/**
 * Sends what has come together in one turn of the loop with as few system calls as possible, and what goes to one socket as one packet:
 * most of an answer's cost is the kernel's way from here through the bridge into the container.
 */
import type { OwnedFd } from "../../../kernel/owned-fd.ts";
import { mostSegments, sendSegmented } from "../../../kernel/segmented-send.ts";
import { parseIpv4 } from "../../../linux/netlink/ipv4.ts";
import { sendTo } from "./send-to.ts";
import { trains } from "./trains.ts";

interface Parcel {
  readonly message: Uint8Array;
  readonly port: number;
  readonly address: string;
}

export class SendTogether {
  readonly #socket: () => Bun.udp.Socket<"buffer"> | undefined;
  readonly #descriptor: OwnedFd;
  #waiting: Parcel[] = [];

  /** `descriptor` is of the same socket. */
  constructor(socket: () => Bun.udp.Socket<"buffer"> | undefined, descriptor: OwnedFd) {
    this.#socket = socket;
    this.#descriptor = descriptor;
  }

  add(message: Uint8Array, port: number, address: string): void {
    this.#waiting.push({ message, port, address });
    if (this.#waiting.length === 1) setImmediate(() => this.#flush());
  }

  #flush(): void {
    const socket = this.#socket();
    const parcels = this.#waiting;
    this.#waiting = [];
    if (socket === undefined || socket.closed) return;
    const single = parcels.length > 1 ? this.#sendTrains(parcels) : parcels;
    let sent = 0;
    if (single.length > 1) {
      try {
        sent = socket.sendMany(single.flatMap(({ message, port, address }) => [message, port, address]));
      } catch {
        // It is told what became of an earlier message; which of these have gone it does not say: none, as it looks first.
      }
    }
    for (const { message, port, address } of single.slice(sent)) sendTo(socket, message, port, address);
  }

  /** Returns those that are still to be sent, each for itself. */
  #sendTrains(parcels: readonly Parcel[]): Parcel[] {
    const places = new Map<string, Parcel[]>();
    for (const parcel of parcels) {
      const key = `${parcel.port} ${parcel.address}`;
      const there = places.get(key);
      if (there === undefined) places.set(key, [parcel]);
      else there.push(parcel);
    }
    const single: Parcel[] = [];
    for (const together of places.values()) {
      const [first] = together;
      const address = parseIpv4(first?.address ?? "");
      for (const train of trains(together, ({ message }) => message.length, mostSegments)) {
        const messages = train.map(({ message }) => message);
        const isSent =
          first !== undefined &&
          address !== undefined &&
          train.length > 1 &&
          sendSegmented(this.#descriptor, messages, address, first.port);
        if (!isSent) single.push(...train);
      }
    }
    return single;
  }
}
