/**
 * What the network remembers across lives of the engine, in the engine's SQLite:
 *
 *   ipam_network(network, subnet, last_address, forwarding_enabled)   one row per network
 *   ipam_lease(network, address, container_id, host_link)             one row per container with an endpoint
 *
 * A lease row is written when a container gets its endpoint and deleted when it gives it back; what was only made
 * ahead of need is never written, so a killed engine leaves no rows without a container. Addresses are dotted text
 * for people who look into the file.
 */
import type { Database } from "bun:sqlite";
import { directWrites, type Writes } from "../store/mod.ts";

export interface Lease {
  readonly containerId: string;
  readonly address: string;
  readonly hostLink: string;
}

export interface RememberedNetwork {
  readonly subnet: string;
  /** The address given out last. */
  readonly lastAddress: string | undefined;
  /** We switched IPv4 forwarding on; it was off before. */
  readonly forwardingEnabled: boolean;
}

interface LeaseRow {
  container_id: string;
  address: string;
  host_link: string;
}

interface NetworkRow {
  subnet: string;
  last_address: string | null;
  forwarding_enabled: number;
}

function leaseOf(containerId: string): string {
  return `the lease of container ${containerId}`;
}

export class LeaseStore {
  readonly #db: Database;
  readonly #network: string;
  readonly #writes: Writes;

  constructor(db: Database, network: string, writes: Writes = directWrites) {
    this.#db = db;
    this.#network = network;
    this.#writes = writes;
  }

  remembered(): RememberedNetwork | undefined {
    const row = this.#db
      .query<NetworkRow, [string]>(
        "SELECT subnet, last_address, forwarding_enabled FROM ipam_network WHERE network = ?",
      )
      .get(this.#network);
    if (row === null) return undefined;
    return {
      subnet: row.subnet,
      lastAddress: row.last_address ?? undefined,
      forwardingEnabled: row.forwarding_enabled !== 0,
    };
  }

  /** Leases of another subnet mean nothing in this one and go. */
  remember(subnet: string): void {
    this.#db.transaction(() => {
      const { changes } = this.#db
        .query<null, [string, string]>(
          `INSERT INTO ipam_network(network, subnet) VALUES (?, ?)
           ON CONFLICT(network) DO UPDATE SET subnet = excluded.subnet, last_address = NULL
           WHERE subnet <> excluded.subnet`,
        )
        .run(this.#network, subnet);
      if (changes > 0) {
        this.#db.query<null, [string]>("DELETE FROM ipam_lease WHERE network = ?").run(this.#network);
      }
    })();
  }

  rememberForwarding(enabled: boolean): void {
    this.#db
      .query<null, [number, string]>("UPDATE ipam_network SET forwarding_enabled = ? WHERE network = ?")
      .run(enabled ? 1 : 0, this.#network);
  }

  rememberLastAddress(address: string): void {
    const update = this.#db.query<null, [string, string]>(
      "UPDATE ipam_network SET last_address = ? WHERE network = ?",
    );
    this.#writes.settle("the address given out last", () => update.run(address, this.#network));
  }

  insert(lease: Lease): void {
    const { address, containerId, hostLink } = lease;
    const insert = this.#db.query<null, [string, string, string, string]>(
      "INSERT INTO ipam_lease(network, address, container_id, host_link) VALUES (?, ?, ?, ?)",
    );
    this.#writes.write(leaseOf(containerId), () => insert.run(this.#network, address, containerId, hostLink));
  }

  delete(containerId: string): void {
    const remove = this.#db.query<null, [string, string]>(
      "DELETE FROM ipam_lease WHERE network = ? AND container_id = ?",
    );
    this.#writes.settle(leaseOf(containerId), () => remove.run(this.#network, containerId));
  }

  all(): Lease[] {
    return this.#db
      .query<LeaseRow, [string]>(
        "SELECT container_id, address, host_link FROM ipam_lease WHERE network = ? ORDER BY address",
      )
      .all(this.#network)
      .map((row) => ({ containerId: row.container_id, address: row.address, hostLink: row.host_link }));
  }

  /** The network itself is gone. */
  forget(): void {
    this.#db.transaction(() => {
      this.#db.query<null, [string]>("DELETE FROM ipam_lease WHERE network = ?").run(this.#network);
      this.#db.query<null, [string]>("DELETE FROM ipam_network WHERE network = ?").run(this.#network);
    })();
  }
}
