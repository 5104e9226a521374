/** What a running command has at hand: its io, and the engine once it needs it. */
import type { ApiClient } from "../client/api-client.ts";
import { chooseEndpoint, type Endpoint } from "../client/endpoint.ts";
import type { SyncSocket } from "../client/sync-socket.ts";
import { SyncTransport } from "../client/sync-transport.ts";
import type { ClientTransport } from "../client/transport.ts";
import type { ByteDuplex } from "../lib/byte-duplex.ts";
import { TiffinError } from "../lib/errors.ts";
import type { CliIo } from "./io.ts";

export class CliContext {
  readonly io: CliIo;
  /** As called, for usage lines: `tiffin container run`. */
  readonly commandName: string;
  /** Failures are told with the operations around them. */
  readonly debug: boolean;
  readonly #host: string | undefined;
  readonly #chosen: Endpoint | undefined;
  #transport: ClientTransport<SyncSocket> | undefined;
  #api: ApiClient<SyncSocket> | undefined;

  /** `chosen`: the engine, where more than an address had to be looked at. */
  constructor(io: CliIo, commandName: string, host: string | undefined, debug = false, chosen?: Endpoint) {
    this.io = io;
    this.commandName = commandName;
    this.debug = debug;
    this.#host = host;
    this.#chosen = chosen;
  }

  endpoint(): Endpoint {
    return this.#chosen ?? chooseEndpoint(this.#host, this.io.env);
  }

  /** A further connection, for a call that goes on while others are made. */
  newTransport(): ClientTransport<SyncSocket> {
    const endpoint = this.endpoint();
    const { engineAtHand } = this.io;
    if (engineAtHand !== undefined) return engineAtHand.transport(endpoint);
    return this.#over(endpoint, () => this.io.ensureEngine(endpoint.text));
  }

  /** Only an engine of this machine can be brought up. */
  #over(endpoint: Endpoint, bringUp: () => Promise<void>): ClientTransport<SyncSocket> {
    const where = endpoint.text;
    if (endpoint.kind !== "unix")
      return new SyncTransport({ where, connect: () => this.io.dialOut(endpoint) });
    return new SyncTransport({ where, connect: () => this.io.connect(endpoint.path), bringUp });
  }

  transport(): ClientTransport<SyncSocket> {
    this.#transport ??= this.newTransport();
    return this.#transport;
  }

  /** The typed client. It loads the route table, so that `run` and `exec` do without. */
  async api(): Promise<ApiClient<SyncSocket>> {
    if (this.#api === undefined) {
      const module = await import("../client/api-client.ts");
      this.#api = new module.ApiClient(this.transport());
    }
    return this.#api;
  }

  /** A client of an engine that runs; none is started for it. Calls fail when there is none. */
  async apiIfThere(): Promise<ApiClient<SyncSocket>> {
    const module = await import("../client/api-client.ts");
    const endpoint = this.endpoint();
    if (endpoint.kind !== "unix" || this.io.engineAtHand !== undefined) return this.api();
    const nobody = new TiffinError("unavailable", "cli.no-engine", "no engine runs");
    return new module.ApiClient(this.#over(endpoint, () => Promise.reject(nobody)));
  }

  /** A second client on a connection of its own. */
  async separateApi(): Promise<ApiClient<SyncSocket>> {
    const module = await import("../client/api-client.ts");
    return new module.ApiClient(this.newTransport());
  }

  /** A client whose calls may go on at the same time. */
  async parallelApi(): Promise<ApiClient<ByteDuplex>> {
    const [{ ApiClient: Client }, { AsyncTransport }, { openWithBun }] = await Promise.all([
      import("../client/api-client.ts"),
      import("../client/async-transport.ts"),
      import("../client/open-bun.ts"),
    ]);
    const endpoint = this.endpoint();
    const { engineAtHand } = this.io;
    if (engineAtHand !== undefined) return new Client(engineAtHand.parallel(endpoint));
    const open = openWithBun;
    if (endpoint.kind !== "unix") return new Client(new AsyncTransport({ endpoint, open }));
    const bringUp = () => this.io.ensureEngine(endpoint.text);
    return new Client(new AsyncTransport({ endpoint, open, bringUp }));
  }

  out(text: string): void {
    this.io.write(1, text);
  }

  err(text: string): void {
    this.io.write(2, text);
  }
}
