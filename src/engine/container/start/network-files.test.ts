import { expect, test } from "bun:test";
import { namesOnlyLoopback, renderHosts, renderResolver } from "./network-files.ts";

test("hosts ends with the extra hosts and the container itself", () => {
  const text = renderHosts({
    addresses: ["172.30.0.2"],
    hostname: "web",
    domainname: "example.org",
    extraHosts: [
      { name: "db", address: "10.0.0.1" },
      { name: "six", address: "fd00::1" },
      { name: "up", address: "host-gateway" },
    ],
    gateway: "172.30.0.1",
  });
  expect(text.split("\n").slice(-5)).toEqual([
    "10.0.0.1\tdb",
    "fd00::1\tsix",
    "172.30.0.1\tup",
    "172.30.0.2\tweb.example.org web",
    "",
  ]);
});

const none = { nameServer: false, servers: [], search: [], options: [] };

test("servers on the host's loopback are left out, with a fallback when none is left", () => {
  const host = "# comment\nnameserver 127.0.0.53\nnameserver 10.0.0.2\nsearch example.org\noptions edns0\n";
  expect(renderResolver({ ...none, host, hostNetwork: false })).toBe(
    "nameserver 10.0.0.2\nsearch example.org\noptions edns0\n",
  );
  expect(renderResolver({ ...none, host: "nameserver 127.0.0.53\n", hostNetwork: false })).toBe(
    "nameserver 8.8.8.8\nnameserver 8.8.4.4\n",
  );
  expect(renderResolver({ ...none, host, hostNetwork: true })).toBe(host);
});

test("what the user says replaces the host's lines", () => {
  expect(
    renderResolver({
      host: "nameserver 10.0.0.2\nsearch example.org\n",
      servers: ["1.1.1.1"],
      search: ["."],
      options: ["ndots:1"],
      nameServer: false,
      hostNetwork: false,
    }),
  ).toBe("nameserver 1.1.1.1\noptions ndots:1\n");
});

test("a resolver on loopback is recognised", () => {
  expect(namesOnlyLoopback("nameserver 127.0.0.53\nnameserver ::1\n")).toBe(true);
  expect(namesOnlyLoopback("nameserver 127.0.0.53\nnameserver 9.9.9.9\n")).toBe(false);
  expect(namesOnlyLoopback("")).toBe(false);
});

test("where there is a name server of ours, it is asked for everything, and for names of one label first", () => {
  const host = "nameserver 192.0.2.1\nsearch example.org\noptions timeout:1\n";
  const own = { ...none, host, hostNetwork: false, nameServer: true };
  expect(renderResolver(own)).toBe("nameserver 127.0.0.11\nsearch example.org\noptions timeout:1 ndots:0\n");
  expect(renderResolver({ ...own, servers: ["192.0.2.9"], options: ["ndots:2"] })).toBe(
    "nameserver 127.0.0.11\nsearch example.org\noptions ndots:2\n",
  );
});
