/**
 * Endpoints made ahead of need: always for the default network, and for the few networks that were used last. Each pool
 * follows the demand for its network; the pool of a network that others push out gives back what it has.
 */
import type { PreparedEndpoint } from "./endpoint.ts";
import { ReadyPool } from "./ready-pool.ts";

/** The engine fills the pools when it is idle; the delay is for when it never is. */
export const poolLimits = { minimum: 2, maximum: 16, refillDelayMs: 25, quietMs: 30_000 } as const;
const otherLimits = { ...poolLimits, minimum: 1, maximum: 8 } as const;
/** Besides the default one. */
const mostOthers = 4;

export interface ReadyEndpointsOptions {
  /** Id of the default network. */
  readonly always: string;
  make(network: string): PreparedEndpoint;
  discard(network: string, piece: PreparedEndpoint): void;
}

export class ReadyEndpoints {
  readonly #options: ReadyEndpointsOptions;
  /** The one used last comes last. */
  readonly #pools = new Map<string, ReadyPool<PreparedEndpoint>>();
  #closed = false;

  constructor(options: ReadyEndpointsOptions) {
    this.#options = options;
    this.#poolOf(options.always);
  }

  /** One that is ready in that network and fits; undefined when there is none. */
  take(network: string, fits: (piece: PreparedEndpoint) => boolean): PreparedEndpoint | undefined {
    return this.#closed ? undefined : this.#poolOf(network).take(fits);
  }

  /** One that was taken, and is as it was; false when it is not wanted any more. */
  giveBack(network: string, piece: PreparedEndpoint): boolean {
    return !this.#closed && this.#pools.get(network)?.giveBack(piece) === true;
  }

  /** Which network each link on the host is of. */
  *links(): Generator<[link: string, network: string]> {
    for (const [network, pool] of this.#pools)
      for (const { hostLink } of pool.pieces) yield [hostLink, network];
  }

  /** Gives back what is ready in one network, or in all. */
  clear(network?: string): void {
    if (network === undefined) for (const pool of this.#pools.values()) pool.clear();
    else this.#pools.get(network)?.clear();
  }

  /** The network goes. */
  drop(network: string): void {
    this.#pools.get(network)?.close();
    this.#pools.delete(network);
  }

  refill(): void {
    for (const pool of this.#pools.values()) pool.refill();
  }

  refillNow(): void {
    for (const pool of this.#pools.values()) pool.refillNow();
  }

  close(): void {
    this.#closed = true;
    for (const pool of this.#pools.values()) pool.close();
    this.#pools.clear();
  }

  #poolOf(network: string): ReadyPool<PreparedEndpoint> {
    const { always, make, discard } = this.#options;
    const limits = network === always ? poolLimits : otherLimits;
    const pool =
      this.#pools.get(network) ??
      new ReadyPool({
        ...limits,
        make: () => make(network),
        discard: (piece: PreparedEndpoint) => discard(network, piece),
      });
    this.#pools.delete(network);
    this.#pools.set(network, pool);
    const others = [...this.#pools.keys()].filter((id) => id !== always);
    const [oldest] = others;
    if (others.length > mostOthers && oldest !== undefined) this.drop(oldest);
    return pool;
  }
}
