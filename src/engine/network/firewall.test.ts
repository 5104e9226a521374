import { expect, test } from "bun:test";
import { parseIpv4, parsePrefix } from "../../linux/netlink/ipv4.ts";
import { defaultRuleset, publishRequests, renderRuleset, unpublishRequests } from "./firewall.ts";

const table = { family: "inet", table: "tiffin" } as const;

test("the default network's table", () => {
  const subnet = parsePrefix("172.30.0.0/16") ?? { network: 0, length: 0 };
  expect(renderRuleset(defaultRuleset(table, "tiffin0", subnet))).toBe(
    `table inet tiffin {
  map published {
    type inet_proto . ipv4_addr . inet_service : ipv4_addr . inet_service
  }
  map published_any {
    type inet_proto . inet_service : ipv4_addr . inet_service
  }
  chain guard {
    type filter hook prerouting priority -300; policy accept;
    iifname "tiffin0" ip daddr 127.0.0.0/8 drop comment "host loopback is not for containers"
  }
  chain prerouting {
    type nat hook prerouting priority -100; policy accept;
    ip daddr 127.0.0.0/8 return comment "loopback ports are not for neighbours"
    dnat ip to meta l4proto . ip daddr . th dport map @published
    fib daddr type local dnat ip to meta l4proto . th dport map @published_any
  }
  chain output {
    type nat hook output priority -100; policy accept;
    dnat ip to meta l4proto . ip daddr . th dport map @published
    fib daddr type local dnat ip to meta l4proto . th dport map @published_any
  }
  chain forward {
    type filter hook forward priority 0; policy accept;
    iifname "tiffin0" accept comment "containers may call out and each other"
    oifname "tiffin0" ct state established,related accept
    oifname "tiffin0" ct status dnat accept comment "published ports"
    oifname "tiffin0" drop comment "nothing else reaches a container"
  }
  chain postrouting {
    type nat hook postrouting priority 100; policy accept;
    oifname != "tiffin0" ip saddr 172.30.0.0/16 masquerade comment "containers to the world"
    oifname "tiffin0" ip saddr 127.0.0.0/8 masquerade comment "127.0.0.1 to a published port"
    oifname "tiffin0" ip saddr 172.30.0.0/16 ct status dnat masquerade comment "container to a published port"
  }
}`,
  );
});

test("a container's ports are one request per map", () => {
  const address = parseIpv4("172.30.0.2") ?? 0;
  const port = { containerPort: 80, protocol: "tcp", hostAddress: "0.0.0.0", hostPort: 8080 } as const;
  const mappings = [
    { port, address },
    { port: { ...port, hostPort: 8081 }, address },
    { port: { ...port, hostAddress: "127.0.0.1" }, address },
  ];
  const objects = ["nftables inet elements of published_any", "nftables inet elements of published"];
  expect(publishRequests(table, mappings).map((request) => request.object)).toEqual(objects);
  expect(unpublishRequests(table, mappings).map((request) => request.object)).toEqual(objects);
  expect(publishRequests(table, [])).toEqual([]);
});
