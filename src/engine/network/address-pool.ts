/**
 * Which addresses of a subnet are in use. The next address is the first free one after the one given out last, so
 * an address that came back rests as long as the subnet allows. Network, gateway and broadcast are never given.
 */
import { broadcastOf, contains, type Prefix } from "../../linux/netlink/ipv4.ts";

export class AddressPool {
  readonly prefix: Prefix;
  readonly gateway: number;
  readonly #used = new Set<number>();
  readonly #first: number;
  readonly #last: number;
  #next: number;

  /** `after`: the address given out last in an earlier life, to go on from there. */
  constructor(prefix: Prefix, after?: number) {
    this.prefix = prefix;
    this.gateway = prefix.network + 1;
    this.#first = prefix.network + 2;
    this.#last = broadcastOf(prefix) - 1;
    this.#next = after !== undefined && this.#assignable(after) ? after : this.#first - 1;
  }

  get usedCount(): number {
    return this.#used.size;
  }

  /** The address given out last; the gateway when there was none. */
  get last(): number {
    return this.#next;
  }

  get capacity(): number {
    return this.#last - this.#first + 1;
  }

  /** A free address, now used; undefined when there is none. */
  take(): number | undefined {
    if (this.#used.size >= this.capacity) return undefined;
    for (let step = 0; step < this.capacity; step += 1) {
      this.#next = this.#next >= this.#last ? this.#first : this.#next + 1;
      if (this.#used.has(this.#next)) continue;
      this.#used.add(this.#next);
      return this.#next;
    }
    return undefined;
  }

  /** That very address: false when it is in use or cannot be given at all. */
  takeExactly(address: number): boolean {
    if (!this.#assignable(address) || this.#used.has(address)) return false;
    this.#used.add(address);
    return true;
  }

  /** Idempotent. */
  give(address: number): void {
    this.#used.delete(address);
  }

  contains(address: number): boolean {
    return contains(this.prefix, address);
  }

  #assignable(address: number): boolean {
    return address >= this.#first && address <= this.#last;
  }
}
