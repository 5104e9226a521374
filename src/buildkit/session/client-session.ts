/**
 * Sessions: connections of clients on which we call them. A build asks through one for files, secrets and an agent, as far as
 * it needs them; what the client did not offer when it connected is not asked for.
 */
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import { TiffinError } from "../../lib/errors.ts";
import { after } from "../../lib/timer.ts";
import { GrpcConnection } from "../grpc/client.ts";

/** A client makes its session and its build at the same time: either may come first. */
const limitWaitMs = 10_000;
const limitSessions = 1000;
const limitIdLength = 256;

export interface SessionHead {
  readonly id: string;
  /** Equal for the same directory of the same client. */
  readonly sharedKey: string;
  /** Paths of the methods that the client answers. */
  readonly methods: readonly string[];
}

export class ClientSession {
  readonly head: SessionHead;
  readonly connection: GrpcConnection;
  readonly #offered: ReadonlySet<string>;

  constructor(head: SessionHead, connection: GrpcConnection) {
    this.head = head;
    this.connection = connection;
    this.#offered = new Set(head.methods.map((method) => method.toLowerCase()));
  }

  offers(path: string): boolean {
    return this.#offered.has(path.toLowerCase());
  }
}

export class SessionRegistry {
  readonly #sessions = new Map<string, ClientSession>();
  readonly #waiting = new Map<string, Set<(session: ClientSession) => void>>();

  /** The connection is the session's from here on, until either side ends it. */
  accept(head: SessionHead, duplex: ByteDuplex): ClientSession {
    const { id } = head;
    if (id === "" || id.length > limitIdLength) throw refused("a session needs an id of its own");
    if (this.#sessions.has(id)) throw refused(`there is a session ${id} already`);
    if (this.#sessions.size >= limitSessions) throw refused(`there are ${limitSessions} sessions already`);
    const session = new ClientSession(head, new GrpcConnection(duplex));
    this.#sessions.set(id, session);
    void session.connection.closed.then(() => this.#sessions.delete(id));
    for (const hear of this.#waiting.get(id) ?? []) hear(session);
    this.#waiting.delete(id);
    return session;
  }

  /** Whether a connection with this head would be taken; for who has to answer before it is handed over. */
  check({ id }: Pick<SessionHead, "id">): void {
    if (id === "" || id.length > limitIdLength) throw refused("a session needs an id of its own");
    if (this.#sessions.has(id)) throw refused(`there is a session ${id} already`);
  }

  /** The session of that id, waited for if it is on its way. Errors: `buildkit.no-session`, and the signal's reason. */
  async get(id: string, signal: AbortSignal): Promise<ClientSession> {
    const there = this.#sessions.get(id);
    if (there !== undefined) return there;
    signal.throwIfAborted();
    const { promise, resolve, reject } = Promise.withResolvers<ClientSession>();
    const waiting = this.#waiting.get(id) ?? new Set();
    this.#waiting.set(id, waiting.add(resolve));
    using _timer = after(limitWaitMs, () =>
      reject(
        new TiffinError("notFound", "buildkit.no-session", `no active session for ${JSON.stringify(id)}`, {
          remedy: "the client that asks for a build has to keep its session open",
        }),
      ),
    );
    const stop = (): void => reject(signal.reason);
    signal.addEventListener("abort", stop, { once: true });
    try {
      return await promise;
    } finally {
      signal.removeEventListener("abort", stop);
      waiting.delete(resolve);
      if (waiting.size === 0 && this.#waiting.get(id) === waiting) this.#waiting.delete(id);
    }
  }

  /** Ends all of them. */
  [Symbol.dispose](): void {
    for (const { connection } of this.#sessions.values()) connection.destroy();
  }
}

function refused(text: string): TiffinError {
  return new TiffinError("invalid", "buildkit.session", text);
}
