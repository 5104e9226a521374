/**
 * What networks remember across lives of the engine, in the engine's SQLite:
 *
 *   network(id, name, created_ms, document, last_address)              one row per network; document: NetworkSettings
 *   network_lease(network_id, address, container_id, host_link, address6)   one row per endpoint of a container
 *   host_setting(name, value)                                          `forwarding`, `forwarding6` = 1: we switched it on
 *
 * A lease row is written when a container gets an endpoint and deleted when it gives it back; what was only made ahead
 * of need is never written, so a killed engine leaves no rows without a container. Addresses are dotted text for people
 * who look into the file.
 */
import type { Database } from "bun:sqlite";
import { decoderKit, optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import { directWrites, type Writes } from "../store/mod.ts";
import { type Network, type NetworkSettings, networkDrivers } from "./model.ts";

export interface Lease {
  readonly containerId: string;
  /** Id of the network. */
  readonly network: string;
  readonly address: string;
  /** Empty: the network has no IPv6. */
  readonly address6?: string;
  /** Empty: the link of the container is not known. */
  readonly hostLink: string;
}

/** Names of rows of host_setting. */
const forwardingNames = { ipv4: "forwarding", ipv6: "forwarding6" } as const;
export type ForwardedFamily = keyof typeof forwardingNames;

interface LeaseRow {
  network_id: string;
  container_id: string;
  address: string;
  address6: string;
  host_link: string;
}

interface NetworkRow {
  id: string;
  name: string;
  created_ms: number;
  document: string;
}

const { text, flag, integer, list, mapOf, oneOf, object, variants } = decoderKit({
  code: "network.row-damaged",
  whole: "row of a network",
  shownLength: 40,
  limitElements: 65_536,
  allowsNul: true,
  nullIsEmpty: false,
});

const made = variants("kind", {
  vlan: object({ kind: oneOf("vlan"), on: text, id: integer }),
  dummy: object({ kind: oneOf("dummy") }),
  vxlan: object({
    kind: oneOf("vxlan"),
    id: integer,
    port: integer,
    local: text,
    dev: text,
    peers: list(text),
  }),
});

const settings = object({
  driver: oneOf(...networkDrivers),
  subnet: text,
  gateway: text,
  ipRange: text,
  auxiliary: mapOf(text),
  bridge: text,
  mtu: integer,
  internal: flag,
  openWithin: flag,
  masquerade: flag,
  hostAddress: text,
  attachable: flag,
  labels: mapOf(text),
  options: mapOf(text),
  subnetChosen: flag,
  ipamOptions: mapOf(text),
  ipv6: optional(object({ subnet: text, gateway: text, ipRange: text, auxiliary: mapOf(text) })),
  adopted: optional(oneOf("bridge", "bridge-and-address")),
  attachment: optional(
    variants("kind", {
      macvlan: object({
        kind: oneOf("macvlan"),
        mode: oneOf("private", "vepa", "bridge", "passthru"),
        link: text,
        made: optional(made),
      }),
      ipvlan: object({
        kind: oneOf("ipvlan"),
        mode: oneOf("l2", "l3", "l3s"),
        link: text,
        made: optional(made),
      }),
      vxlan: object({ kind: oneOf("vxlan"), link: text, made: optional(made) }),
    }),
  ),
});

const versioned = object({ version: integer });
const settingsVersion = 1;

function decodeSettings(value: unknown, path: string): NetworkSettings {
  const { version } = versioned(value, path);
  if (version === settingsVersion) return settings(value, path);
  throw new TiffinError("invalid", "network.row-damaged", `${path}: no version ${version} of it is known`);
}

function encodeSettings(network: NetworkSettings): string {
  // The decoder keeps what belongs to the settings.
  return JSON.stringify({ version: settingsVersion, ...settings(network, "") });
}

function leaseOf({ containerId, network }: Pick<Lease, "containerId" | "network">): string {
  return `the lease of container ${containerId} in network ${network}`;
}

export class NetworkStore {
  readonly #db: Database;
  readonly #writes: Writes;

  constructor(db: Database, writes: Writes = directWrites) {
    this.#db = db;
    this.#writes = writes;
  }

  /** The oldest first. `damaged` hears of rows that are none. */
  networks(damaged: (thrown: unknown) => void = () => undefined): Network[] {
    const rows = this.#db
      .query<NetworkRow, []>("SELECT id, name, created_ms, document FROM network ORDER BY created_ms, name")
      .all();
    return rows.flatMap((row): Network[] => {
      try {
        const document = decodeSettings(JSON.parse(row.document), `row of network ${row.name}`);
        return [{ ...document, id: row.id, name: row.name, createdMs: row.created_ms }];
      } catch (thrown) {
        damaged(thrown);
        return [];
      }
    });
  }

  addNetwork(network: Network): void {
    const insert = this.#db.query<null, [string, string, number, string]>(
      `INSERT INTO network(id, name, created_ms, document) VALUES (?, ?, ?, ?)
       ON CONFLICT(id) DO UPDATE SET document = excluded.document`,
    );
    const { id, name, createdMs } = network;
    this.#writes.write(`network ${name}`, () => insert.run(id, name, createdMs, encodeSettings(network)));
  }

  /** The network with its leases. */
  deleteNetwork(id: string): void {
    const remove = this.#db.query<null, [string]>("DELETE FROM network WHERE id = ?");
    const leases = this.#db.query<null, [string]>("DELETE FROM network_lease WHERE network_id = ?");
    this.#writes.settle(`network ${id}`, () =>
      this.#db.transaction(() => {
        leases.run(id);
        remove.run(id);
      })(),
    );
  }

  /** Leases of another subnet mean nothing in the new one and go. */
  changeSubnet(network: Network): void {
    this.#db.transaction(() => {
      this.#db
        .query<null, [string, string]>("UPDATE network SET document = ?, last_address = NULL WHERE id = ?")
        .run(encodeSettings(network), network.id);
      this.#db.query<null, [string]>("DELETE FROM network_lease WHERE network_id = ?").run(network.id);
    })();
  }

  lastAddressOf(id: string): string | undefined {
    const row = this.#db
      .query<{ last_address: string | null }, [string]>("SELECT last_address FROM network WHERE id = ?")
      .get(id);
    return row?.last_address ?? undefined;
  }

  rememberLastAddress(id: string, address: string): void {
    const update = this.#db.query<null, [string, string]>("UPDATE network SET last_address = ? WHERE id = ?");
    this.#writes.settle(`the address given out last in network ${id}`, () => update.run(address, id));
  }

  /** We switched forwarding of that family on; it was off before. */
  forwardingEnabled(family: ForwardedFamily = "ipv4"): boolean {
    const row = this.#db
      .query<{ value: string }, [string]>("SELECT value FROM host_setting WHERE name = ?")
      .get(forwardingNames[family]);
    return row?.value === "1";
  }

  rememberForwarding(enabled: boolean, family: ForwardedFamily = "ipv4"): void {
    this.#db
      .query<null, [string, string]>(
        `INSERT INTO host_setting(name, value) VALUES (?, ?)
         ON CONFLICT(name) DO UPDATE SET value = excluded.value`,
      )
      .run(forwardingNames[family], enabled ? "1" : "0");
  }

  addLease(lease: Lease): void {
    const { address, address6 = "", containerId, hostLink, network } = lease;
    const insert = this.#db.query<null, [string, string, string, string, string]>(
      "INSERT INTO network_lease(network_id, address, container_id, host_link, address6) VALUES (?, ?, ?, ?, ?)",
    );
    this.#writes.write(leaseOf(lease), () => insert.run(network, address, containerId, hostLink, address6));
  }

  deleteLease(lease: Pick<Lease, "containerId" | "network">): void {
    const remove = this.#db.query<null, [string, string]>(
      "DELETE FROM network_lease WHERE network_id = ? AND container_id = ?",
    );
    this.#writes.settle(leaseOf(lease), () => remove.run(lease.network, lease.containerId));
  }

  leases(): Lease[] {
    return this.#db
      .query<LeaseRow, []>(
        "SELECT network_id, container_id, address, host_link, address6 FROM network_lease ORDER BY network_id, address",
      )
      .all()
      .map((row) => ({
        containerId: row.container_id,
        network: row.network_id,
        address: row.address,
        ...(row.address6 !== "" && { address6: row.address6 }),
        hostLink: row.host_link,
      }));
  }

  /** No container has an endpoint any more. */
  forgetLeases(): void {
    this.#db.query<null, []>("DELETE FROM network_lease").run();
  }
}
