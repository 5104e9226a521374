import { expect, test } from "bun:test";
import { type LinkedContainer, linkEnvironment, linkLine } from "./links.ts";
import { changedHosts } from "./network-files.ts";

const linked: LinkedContainer = {
  alias: "my-db",
  name: "store",
  hostname: "0123456789ab",
  address: "172.17.0.2",
  environment: ["MODE=fast", "HOME=/x", "PATH=/y", "A=b=c", "ALONE"],
  exposed: [
    { port: 6379, protocol: "tcp" },
    { port: 53, protocol: "udp" },
    { port: 82, protocol: "tcp" },
    { port: 80, protocol: "tcp" },
    { port: 81, protocol: "tcp" },
  ],
};

test("a program finds in its environment where a linked container is, its ports and its variables", () => {
  expect(linkEnvironment("web", linked)).toEqual([
    "MY_DB_NAME=/web/my-db",
    "MY_DB_PORT=udp://172.17.0.2:53",
    "MY_DB_PORT_80_TCP_START=tcp://172.17.0.2:80",
    "MY_DB_PORT_80_TCP_ADDR=172.17.0.2",
    "MY_DB_PORT_80_TCP_PROTO=tcp",
    "MY_DB_PORT_80_TCP_PORT_START=80",
    "MY_DB_PORT_80_TCP_END=tcp://172.17.0.2:82",
    "MY_DB_PORT_80_TCP_PORT_END=82",
    "MY_DB_PORT_6379_TCP=tcp://172.17.0.2:6379",
    "MY_DB_PORT_6379_TCP_ADDR=172.17.0.2",
    "MY_DB_PORT_6379_TCP_PROTO=tcp",
    "MY_DB_PORT_6379_TCP_PORT=6379",
    "MY_DB_PORT_53_UDP=udp://172.17.0.2:53",
    "MY_DB_PORT_53_UDP_ADDR=172.17.0.2",
    "MY_DB_PORT_53_UDP_PROTO=udp",
    "MY_DB_PORT_53_UDP_PORT=53",
    "MY_DB_ENV_MODE=fast",
    "MY_DB_ENV_A=b=c",
  ]);
  expect(linkEnvironment("web", { ...linked, exposed: [], environment: [] })).toEqual([
    "MY_DB_NAME=/web/my-db",
  ]);
});

test("its line of /etc/hosts has every name once, and takes the place of an earlier one", () => {
  expect(linkLine(linked)).toBe("172.17.0.2\tmy-db 0123456789ab store");
  expect(linkLine({ ...linked, alias: "store" })).toBe("172.17.0.2\tstore 0123456789ab");
  const text = "127.0.0.1\tlocalhost\n172.17.0.9\tstore x\n10.0.0.1\tmine\n";
  expect(changedHosts(text, (line) => line.endsWith("\tstore x"), ["172.17.0.3\tstore x"])).toBe(
    "127.0.0.1\tlocalhost\n10.0.0.1\tmine\n172.17.0.3\tstore x\n",
  );
});
