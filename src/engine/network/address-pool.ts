/**
 * Which addresses of a subnet are in use. The next address is the first free one after the one given out last, so
 * an address that came back rests as long as the subnet allows. Network, gateway, broadcast and what is reserved are never
 * given; with a range only its addresses are given to those who did not ask for one.
 */
import { broadcastOf, contains, type Prefix } from "../../linux/netlink/ipv4.ts";

export interface PoolOptions {
  /** Absent: the first address after the network's own. */
  readonly gateway?: number;
  readonly range?: Prefix;
  readonly reserved?: readonly number[];
  /** The address given out last in an earlier life, to go on from there. */
  readonly after?: number | undefined;
}

export class AddressPool {
  readonly prefix: Prefix;
  readonly gateway: number;
  readonly #used = new Set<number>();
  readonly #reserved: ReadonlySet<number>;
  /** What may be asked for. */
  readonly #lowest: number;
  readonly #highest: number;
  /** What is given to those who do not ask. */
  readonly #first: number;
  readonly #last: number;
  #next: number;

  constructor(prefix: Prefix, { gateway, range, reserved = [], after }: PoolOptions = {}) {
    this.prefix = prefix;
    this.gateway = gateway ?? prefix.network + 1;
    this.#reserved = new Set([this.gateway, ...reserved]);
    this.#lowest = prefix.network + 1;
    this.#highest = broadcastOf(prefix) - 1;
    this.#first = range === undefined ? this.#lowest : Math.max(range.network, this.#lowest);
    this.#last = range === undefined ? this.#highest : Math.min(broadcastOf(range), this.#highest);
    this.#next = after !== undefined && after >= this.#first && after <= this.#last ? after : this.#first - 1;
  }

  get usedCount(): number {
    return this.#used.size;
  }

  /** The address given out last; the one before the first when there was none. */
  get last(): number {
    return this.#next;
  }

  /** How many addresses there are for those who do not ask for one. */
  get capacity(): number {
    let taken = 0;
    for (const address of this.#reserved) if (address >= this.#first && address <= this.#last) taken += 1;
    return this.#last - this.#first + 1 - taken;
  }

  /** A free address, now used; undefined when there is none. */
  take(): number | undefined {
    const size = this.#last - this.#first + 1;
    // As many as may be skipped, and one.
    const steps = Math.min(size, this.#used.size + this.#reserved.size + 1);
    for (let step = 0; step < steps; step += 1) {
      this.#next = this.#next >= this.#last ? this.#first : this.#next + 1;
      if (this.#used.has(this.#next) || this.#reserved.has(this.#next)) continue;
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
    return address >= this.#lowest && address <= this.#highest && !this.#reserved.has(address);
  }
}
