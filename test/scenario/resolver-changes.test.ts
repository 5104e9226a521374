/** Names of others while the host's resolv.conf changes: whoever it names now is asked, in every kind of network. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const directory = temporaryDirectory("resolver");
  const servers: Bun.udp.Socket<"buffer">[] = [];
  const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);
  /** Where names are asked for. */
  const dns = 53;

  /** A server at that address of the host's, which says `last` of every name. */
  async function serve(hostname: string, last: number): Promise<void> {
    const server = await Bun.udpSocket({
      hostname,
      port: dns,
      socket: {
        data(socket, data, port, address) {
          const isAddress = data.at(-3) === 1;
          const record = Buffer.from("c00c00010001000000050004c0000200", "hex");
          record[record.length - 1] = last;
          const answer = Buffer.concat(isAddress ? [data, record] : [data]);
          answer[2] = 0x81;
          answer[3] = 0x80;
          answer[7] = isAddress ? 1 : 0;
          socket.send(answer, port, address);
        },
      },
    });
    servers.push(server);
  }

  const hostAsks = (...addresses: readonly string[]): void =>
    writeFileSync(`${directory.path}/hosts`, addresses.map((each) => `nameserver ${each}\n`).join(""));

  beforeAll(async () => {
    for (const words of ["link set lo up", "link add lan0 type veth peer name lan1", "link set lan0 up"])
      Bun.spawnSync(["ip", ...words.split(" ")]);
    await serve("127.0.0.81", 81);
    await serve("127.0.0.82", 82);
    hostAsks("127.0.0.81");
    engine = await startEngine({ mounts: `mount --bind ${directory.path}/hosts /etc/resolv.conf` });
    await output("network", "create", "yard");
    await output(
      "network",
      "create",
      "-d",
      "macvlan",
      "-o",
      "parent=lan0",
      "--subnet",
      "192.0.2.128/25",
      "lan",
    );
    for (const network of ["yard", "lan"])
      await output("run", "-d", "--name", `in-${network}`, "--network", network, "base", "sleep", "1000");
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
    for (const server of servers) server.close();
    directory[Symbol.dispose]();
  });

  test.each(["yard", "lan"])(
    "who runs in the network %s asks the servers that the host has now",
    async (network) => {
      const asked = async (name: string): Promise<string> =>
        (await engine.cli("exec", `in-${network}`, "nslookup", "-type=a", `${name}.${network}.example`))
          .stdout;
      hostAsks("127.0.0.81");
      expect(await asked("first")).toContain("Address: 192.0.2.81");
      hostAsks("127.0.0.82");
      expect(await asked("second")).toContain("Address: 192.0.2.82");
      // What one server said is not said in another one's name.
      expect(await asked("first")).toContain("Address: 192.0.2.82");
      hostAsks();
      expect(await asked("third")).not.toContain("Address: 192.0.2.");
      expect(await asked("third")).not.toContain("timed out");
      // One that does not answer is passed over.
      hostAsks("127.0.0.83", "127.0.0.81");
      expect(await asked("fourth")).toContain("Address: 192.0.2.81");
    },
  );
});
