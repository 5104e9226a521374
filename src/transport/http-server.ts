/**
 * HTTP/1.1 over Bun's sockets, for one handler. Bun's own server is not used because it gives up neither the connection
 * (`101`, Docker's bare `200`) nor half-close, and because every limit here has to be ours.
 *
 * Invariant: a connection is in exactly one of `#connections` (speaks HTTP) and `#taken` (no longer does).
 */
import type { SocketListener } from "bun";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { monotonicMs } from "../lib/clock.ts";
import { after, every, type Timer } from "../lib/timer.ts";
import { BodyBudget } from "./body-budget.ts";
import { BunDuplex, type CallerAt, type UnreadBytes } from "./bun-duplex.ts";
import { type ConnectionHost, HttpConnection } from "./http-connection.ts";
import type { HttpHandler } from "./http-message.ts";

/** Beyond that the one that has been idle longest makes place; where none is idle, new ones are closed at once. */
const defaultLimitConnections = 4096;
/** Eight bodies of the largest size at once; ordinary ones have some kilobytes. */
const limitBodiesBytes = 64 * 1024 * 1024;
const sweepMs = 2_000;

export interface HttpServerOptions {
  readonly handler: HttpHandler;
  /** Faults that no reply can tell: a handler that threw, a body stream that failed. */
  onFault(error: unknown): void;
  /** With it, output that follows the head of a connection taken over can wait until the head was read. */
  readonly unread?: UnreadBytes | undefined;
  /** With it, requests know who made their connection. */
  readonly callerAt?: CallerAt | undefined;
  /** How many connections there may be at once. */
  readonly limitConnections?: number;
}

export class HttpServer {
  readonly #host: ConnectionHost & { closing: boolean };
  readonly #connections = new Set<HttpConnection>();
  readonly #taken = new Set<ByteDuplex>();
  readonly #limitConnections: number;
  #listeners: SocketListener<BunDuplex>[] = [];
  #sweep: Timer | undefined;
  #settled: (() => void) | undefined;

  constructor(options: HttpServerOptions) {
    this.#limitConnections = options.limitConnections ?? defaultLimitConnections;
    this.#host = {
      handler: options.handler,
      onFault: options.onFault,
      unread: options.unread,
      callerAt: options.callerAt,
      bodies: new BodyBudget(limitBodiesBytes),
      closing: false,
      onDone: (connection, takenOver) => {
        this.#connections.delete(connection);
        if (takenOver !== undefined) this.#taken.add(takenOver);
        this.#tellSettled();
      },
      onSettled: () => this.#tellSettled(),
    };
  }

  /** How many connections are open, of both kinds. */
  get connectionCount(): number {
    return this.#connections.size + this.#taken.size;
  }

  /** What Bun tells of the sockets of this server. */
  readonly #events = {
    ...BunDuplex.events,
    open: (opened: Parameters<typeof BunDuplex.events.open>[0]) => {
      opened.data = new BunDuplex();
      BunDuplex.events.open(opened);
      this.#accept(opened.data);
    },
    close: (closed: Parameters<typeof BunDuplex.events.close>[0], error?: Error) => {
      this.#taken.delete(closed.data);
      BunDuplex.events.close(closed, error);
    },
  };

  /** Listens on a path that must not exist, or on a TCP address. Throws what `Bun.listen` throws. */
  listen(where: { readonly unix: string } | { readonly hostname: string; readonly port: number }): void {
    const options = { ...where, allowHalfOpen: true, data: new BunDuplex(), socket: this.#events };
    // Bun's declarations put `allowHalfOpen` on TCP only; unix sockets honour it too.
    this.#listeners.push(Bun.listen<BunDuplex>(options as Parameters<typeof Bun.listen<BunDuplex>>[0]));
    this.#startSweep();
  }

  /** Serves a connection that somebody else has accepted, and owns its descriptor. */
  async adopt(fd: number): Promise<void> {
    const options = { fd, allowHalfOpen: true, data: new BunDuplex(), socket: this.#events };
    this.#startSweep();
    // Bun takes { fd } at run time; its type declarations list only `unix`.
    await Bun.connect(options as unknown as Parameters<typeof Bun.connect<BunDuplex>>[0]);
  }

  #startSweep(): void {
    const sweep = (): void => {
      const now = monotonicMs();
      for (const connection of this.#connections) connection.checkTime(now);
    };
    this.#sweep ??= every(sweepMs, sweep, { background: true });
  }

  #tellSettled(): void {
    if (this.#settled === undefined) return;
    for (const connection of this.#connections) {
      if (connection.busy) return;
    }
    this.#settled();
  }

  #accept(duplex: BunDuplex): void {
    const isFull = this.connectionCount >= this.#limitConnections && !this.#makePlace();
    if (this.#host.closing || isFull) {
      duplex.destroy();
      return;
    }
    const connection = new HttpConnection(duplex, this.#host);
    this.#connections.add(connection);
    connection.start();
  }

  /** Ends the connection that has been idle longest. False when none is. */
  #makePlace(): boolean {
    let oldest: HttpConnection | undefined;
    for (const connection of this.#connections) {
      const sinceMs = connection.idleSinceMs;
      if (sinceMs !== undefined && sinceMs < (oldest?.idleSinceMs ?? Number.POSITIVE_INFINITY))
        oldest = connection;
    }
    if (oldest === undefined) return false;
    this.#connections.delete(oldest);
    oldest.destroy();
    return true;
  }

  /**
   * Stops accepting, ends idle connections, gives requests under way `graceMs` to end, then cuts everything, including
   * connections that were taken over.
   */
  async close(graceMs: number): Promise<void> {
    this.#host.closing = true;
    for (const listener of this.#listeners) listener.stop();
    this.#listeners = [];
    for (const connection of this.#connections) {
      if (connection.idle) connection.destroy();
    }
    if (graceMs > 0) {
      const { promise, resolve } = Promise.withResolvers<void>();
      using _timer = after(graceMs, resolve);
      this.#settled = resolve;
      this.#tellSettled();
      await promise;
    }
    for (const connection of this.#connections) connection.destroy();
    for (const duplex of this.#taken) duplex.destroy();
    this.#sweep?.cancel();
    this.#sweep = undefined;
  }
}
