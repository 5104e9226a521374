import { expect, test } from "bun:test";
import { migratedDatabase } from "../store/testing/migrated-database.ts";
import { LeaseStore } from "./lease-store.ts";

const lease = { containerId: "a", address: "172.30.0.2", hostLink: "tf01234567" };

test("leases and the network's facts come back, each network its own", () => {
  const db = migratedDatabase();
  const store = new LeaseStore(db, "bridge");
  expect(store.remembered()).toBeUndefined();
  store.remember("172.30.0.0/16");
  store.insert(lease);
  store.rememberForwarding(true);
  store.rememberLastAddress("172.30.0.9");
  const again = new LeaseStore(db, "bridge");
  again.remember("172.30.0.0/16");
  expect(again.all()).toEqual([lease]);
  expect(again.remembered()).toEqual({
    subnet: "172.30.0.0/16",
    lastAddress: "172.30.0.9",
    forwardingEnabled: true,
  });
  expect(new LeaseStore(db, "other").all()).toEqual([]);
});

test("no address and no container twice", () => {
  const store = new LeaseStore(migratedDatabase(), "bridge");
  store.insert(lease);
  expect(() => store.insert({ ...lease, containerId: "b" })).toThrow("UNIQUE");
  expect(() => store.insert({ ...lease, address: "172.30.0.3" })).toThrow("UNIQUE");
  store.delete("a");
  store.delete("a");
  store.insert({ ...lease, containerId: "b" });
});

test("a new subnet starts without leases, but what was switched on the host stays known", () => {
  const store = new LeaseStore(migratedDatabase(), "bridge");
  store.remember("172.30.0.0/16");
  store.rememberForwarding(true);
  store.insert(lease);
  store.remember("172.31.0.0/16");
  expect(store.all()).toEqual([]);
  expect(store.remembered()).toEqual({
    subnet: "172.31.0.0/16",
    lastAddress: undefined,
    forwardingEnabled: true,
  });
  store.forget();
  expect(store.remembered()).toBeUndefined();
});
