/**
 * Which addresses of an IPv6 subnet are in use, by the rule of `AddressPool`: the first free one after the one given
 * out last. The subnet's own address (of its routers, RFC 4291), gateway and what is reserved are never given.
 */
import { type Ipv6Prefix, ipv6Contains, ipv6LastOf } from "../../linux/netlink/ipv6.ts";

export interface Ipv6PoolOptions {
  readonly gateway: bigint;
  readonly range?: Ipv6Prefix | undefined;
  readonly reserved?: readonly bigint[];
}

export class Ipv6Pool {
  readonly #prefix: Ipv6Prefix;
  readonly #used = new Set<bigint>();
  readonly #reserved: ReadonlySet<bigint>;
  readonly #first: bigint;
  readonly #last: bigint;
  #next: bigint;

  constructor(prefix: Ipv6Prefix, { gateway, range, reserved = [] }: Ipv6PoolOptions) {
    this.#prefix = prefix;
    this.#reserved = new Set([prefix.network, gateway, ...reserved]);
    this.#first = (range ?? prefix).network;
    this.#last = ipv6LastOf(range ?? prefix);
    this.#next = this.#first - 1n;
  }

  /** A free address, now used; undefined when there is none. */
  take(): bigint | undefined {
    const size = this.#last - this.#first + 1n;
    const mostSkipped = BigInt(this.#used.size + this.#reserved.size + 1);
    const steps = size < mostSkipped ? size : mostSkipped;
    for (let step = 0n; step < steps; step += 1n) {
      this.#next = this.#next >= this.#last ? this.#first : this.#next + 1n;
      if (this.takeExactly(this.#next)) return this.#next;
    }
    return undefined;
  }

  /** That very address: false when it is in use or cannot be given at all. */
  takeExactly(address: bigint): boolean {
    if (!this.contains(address) || this.#reserved.has(address) || this.#used.has(address)) return false;
    this.#used.add(address);
    return true;
  }

  /** Idempotent. */
  give(address: bigint): void {
    this.#used.delete(address);
  }

  contains(address: bigint): boolean {
    return ipv6Contains(this.#prefix, address);
  }
}
