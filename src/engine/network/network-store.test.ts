import { expect, test } from "bun:test";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import { builtInNetworks } from "./built-in-networks.ts";
import type { Network } from "./model.ts";
import { NetworkStore } from "./network-store.ts";

const network: Network = {
  ...builtInNetworks(7)[0],
  id: "a".repeat(64),
  name: "lunch",
  subnet: "172.30.0.0/16",
  gateway: "172.30.0.1",
  labels: { x: "y" },
};
const lease = { containerId: "a", network: network.id, address: "172.30.0.2", hostLink: "tf01234567" };

test("networks, leases and what was switched on the host come back", () => {
  const db = migratedDatabase();
  const store = new NetworkStore(db);
  expect(store.networks()).toEqual([]);
  expect(store.forwardingEnabled()).toBe(false);
  store.addNetwork(network);
  store.addLease(lease);
  store.rememberForwarding(true);
  store.rememberLastAddress(network.id, "172.30.0.9");
  const again = new NetworkStore(db);
  expect(again.networks()).toEqual([network]);
  expect(again.leases()).toEqual([lease]);
  expect(again.lastAddressOf(network.id)).toBe("172.30.0.9");
  expect(again.forwardingEnabled()).toBe(true);
});

test("no address twice in a network, no container twice in one, one container in two", () => {
  const store = new NetworkStore(migratedDatabase());
  store.addLease(lease);
  expect(() => store.addLease({ ...lease, containerId: "b" })).toThrow("UNIQUE");
  expect(() => store.addLease({ ...lease, address: "172.30.0.3" })).toThrow("UNIQUE");
  store.addLease({ ...lease, network: "other" });
  store.deleteLease(lease);
  store.deleteLease(lease);
  store.addLease({ ...lease, containerId: "b" });
  expect(store.leases()).toHaveLength(2);
});

test("a new subnet starts without leases, a deleted network leaves none", () => {
  const store = new NetworkStore(migratedDatabase());
  store.addNetwork(network);
  store.addLease(lease);
  store.rememberLastAddress(network.id, "172.30.0.9");
  store.changeSubnet({ ...network, subnet: "172.31.0.0/16" });
  expect([store.leases(), store.lastAddressOf(network.id)]).toEqual([[], undefined]);
  expect(store.networks()[0]?.subnet).toBe("172.31.0.0/16");
  store.addLease(lease);
  store.deleteNetwork(network.id);
  expect([store.leases(), store.networks()]).toEqual([[], []]);
});

test("a row that is damaged is told and left out", () => {
  const db = migratedDatabase();
  const store = new NetworkStore(db);
  store.addNetwork(network);
  db.run("INSERT INTO network(id, name, created_ms, document) VALUES ('b', 'odd', 1, '{\"driver\":7}')");
  const told: string[] = [];
  expect(store.networks((thrown) => void told.push(String(thrown)))).toEqual([network]);
  expect(told).toHaveLength(1);
  expect(told[0]).toContain("odd");
});
