/** Sends what has come together in one turn of the loop with as few system calls as possible. */
import { sendTo } from "./send-to.ts";

interface Parcel {
  readonly message: Uint8Array;
  readonly port: number;
  readonly address: string;
}

export class SendTogether {
  readonly #socket: () => Bun.udp.Socket<"buffer"> | undefined;
  #waiting: Parcel[] = [];

  constructor(socket: () => Bun.udp.Socket<"buffer"> | undefined) {
    this.#socket = socket;
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
    let sent = 0;
    if (parcels.length > 1) {
      try {
        sent = socket.sendMany(parcels.flatMap(({ message, port, address }) => [message, port, address]));
      } catch {
        // It is told what became of an earlier message; which of these have gone it does not say: none, as it looks first.
      }
    }
    for (const { message, port, address } of parcels.slice(sent)) sendTo(socket, message, port, address);
  }
}
