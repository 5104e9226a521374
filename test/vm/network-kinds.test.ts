/** The drivers of networks whose kinds of links many test machines lack, on the small machine with a Debian kernel. */
import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { type Networks, openNetworks } from "../../src/engine/network/mod.ts";
import { migratedDatabase } from "../../src/engine/store/testing/migrated-database.ts";
import { findLink, inNetns, NetlinkSocket } from "../../src/kernel/netlink/mod.ts";
import type { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { until } from "../support/until.ts";

const inside = process.env["TIFFIN_VM"] === "1";

function ip(...words: readonly string[]): string {
  const done = Bun.spawnSync(["ip", ...words], { stderr: "pipe" });
  expect({ words, code: done.exitCode, err: done.stderr.toString() }).toEqual({ words, code: 0, err: "" });
  return done.stdout.toString();
}

/** The kind of the container's link. */
function kindIn(netns: OwnedFd): string | undefined {
  using route = inNetns(netns, () => NetlinkSocket.open("route"));
  return findLink(route, "eth0")?.kind;
}

describe.skipIf(!inside)("on the small machine (skipped outside of it)", () => {
  let networks: Networks;
  const database = inside ? migratedDatabase() : undefined;

  beforeEach(async () => {
    if (database === undefined) return;
    ip("link", "add", "cable0", "type", "veth", "peer", "name", "cable1");
    for (const name of ["cable0", "cable1"]) ip("link", "set", name, "up");
    networks = await openNetworks({ tag: "", db: database });
    await networks.recover([]);
  });

  afterEach(async () => {
    await networks.remove();
    ip("link", "del", "cable0");
    expect(ip("-br", "link")).not.toMatch(/cable|tf[0-9a-f]*x/);
  });

  async function start(network: string): Promise<OwnedFd> {
    return (await networks.acquire("one", { endpoints: [{ network }], ports: [] })).netns;
  }

  test.each(["l2", "l3", "l3s"] as const)("ipvlan %s", async (mode) => {
    const attachment = { kind: "ipvlan", mode, parent: "cable0" } as const;
    const { id } = networks.create({ name: "lan", driver: "ipvlan", subnet: "192.0.2.0/24", attachment });
    using netns = await start(id);
    expect(kindIn(netns)).toBe("ipvlan");
    await networks.release("one");
    networks.delete(id);
  });

  test("the driver vlan makes its link, and so does a parent that is named like one; they go with the network", async () => {
    const wishes = [
      ["vlan", { kind: "macvlan", mode: "bridge", parent: "cable0", vlanId: 10 }],
      ["macvlan", { kind: "macvlan", mode: "bridge", parent: "cable0.10" }],
      ["ipvlan", { kind: "ipvlan", mode: "l2", parent: "cable0.10" }],
    ] as const;
    for (const [driver, attachment] of wishes) {
      const { id } = networks.create({ name: "lan", driver, subnet: "192.0.2.0/24", attachment });
      const link = networks.byId(id)?.attachment?.link ?? "";
      expect(JSON.parse(ip("-d", "-json", "link", "show", link))[0]).toMatchObject({
        link: "cable0",
        linkinfo: { info_kind: "vlan", info_data: { id: 10 } },
      });
      using netns = await start(id);
      expect(kindIn(netns)).toBe(attachment.kind);
      await networks.release("one");
      networks.delete(id);
      await until("the link to go", () => !ip("-br", "link").includes(link));
    }
  });

  test("without a parent a network stands on a link that goes nowhere", async () => {
    const attachment = { kind: "macvlan", mode: "bridge", parent: "" } as const;
    const { id } = networks.create({ name: "inner", driver: "macvlan", attachment });
    using netns = await start(id);
    expect(kindIn(netns)).toBe("macvlan");
    await networks.release("one");
    networks.delete(id);
  });
});
