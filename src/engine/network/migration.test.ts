import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { migrate } from "../store/mod.ts";
import { migrations } from "../store/schema.ts";
import { builtInIds } from "./built-in-networks.ts";
import { NetworkStore } from "./network-store.ts";

/** How many migrations there were when there was one network. */
const before = 4;

test("the only network becomes one of many, with its leases and what was switched on the host", () => {
  const database = new Database(":memory:", { strict: true });
  migrate(database, "memory", migrations.slice(0, before));
  database.run("INSERT INTO ipam_network VALUES ('bridge', '172.30.0.0/16', '172.30.0.9', 1)");
  database.run("INSERT INTO ipam_lease VALUES ('bridge', '172.30.0.2', 'a', 'tf01234567')");
  migrate(database, "memory");
  const store = new NetworkStore(database);
  const network = builtInIds.bridge;
  expect(store.networks()).toMatchObject([{ id: network, name: "bridge", subnet: "172.30.0.0/16" }]);
  expect(store.leases()).toEqual([
    { containerId: "a", network, address: "172.30.0.2", hostLink: "tf01234567" },
  ]);
  expect([store.lastAddressOf(network), store.forwardingEnabled()]).toEqual(["172.30.0.9", true]);
  database.close();
});
