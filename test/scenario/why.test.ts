/** `tiffin why` beside faults that are made on purpose, in a network namespace of the test's own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readlinkSync } from "node:fs";
import { request, startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { until } from "../support/until.ts";

interface Answer {
  readonly Reachable: boolean;
  readonly Verdict: string;
  readonly Remedy: string;
  readonly Reason: string;
  readonly Steps: readonly { readonly Step: string; readonly Outcome: string; readonly Text: string }[];
}

interface Fault {
  readonly name: string;
  readonly from: string;
  readonly to: string;
  /** Shell commands on the host of the test; `$web` and `$cli` are run in the containers' network namespaces. */
  readonly make?: string;
  readonly undo?: string;
  readonly reason: string;
  /** What the sentence and the remedy say. */
  readonly says: string;
  readonly remedy: string;
}

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const values: Record<string, string> = { published: String(freePort()) };

  async function tiffin(...args: readonly string[]): Promise<string> {
    const { exitCode, stdout, stderr } = await engine.cli(...args);
    if (exitCode !== 0) throw new Error(`${args.join(" ")}: ${stderr}`);
    return stdout.trim();
  }

  function shell(script: string): void {
    const { exitCode, stderr } = Bun.spawnSync(["sh", "-ec", script], { env: { ...process.env, ...values } });
    if (exitCode !== 0) throw new Error(`${script}: ${stderr.toString()}`);
  }

  function filled(text: string): string {
    return text.replace(/\$(\w+)/g, (whole, name: string) => values[name] ?? whole);
  }

  async function why(from: string, to: string, query = ""): Promise<Answer> {
    const path = `/tiffin/why?from=${encodeURIComponent(from)}&to=${encodeURIComponent(filled(to))}${query}`;
    const { status, json, text } = await request(engine.socket, "GET", path);
    if (status !== 200) throw new Error(text);
    return json() as Answer;
  }

  async function inside(name: string, network: string): Promise<void> {
    const [pid, address] = (
      await tiffin(
        "inspect",
        "-f",
        `{{.State.Pid}} {{(index .NetworkSettings.Networks "${network}").IPAddress}}`,
        name,
      )
    ).split(" ");
    values[name] = `nsenter -t ${pid} -n`;
    values[`${name}_ip`] = address ?? "";
    const shown = Bun.spawnSync([
      "nsenter",
      "-t",
      `${pid}`,
      "-n",
      "ip",
      "-o",
      "link",
      "show",
      "eth0",
    ]).stdout.toString();
    const index = /eth0@if(\d+):/.exec(shown)?.[1] ?? "";
    const port = Bun.spawnSync(["ip", "-o", "link"]).stdout.toString();
    values[`${name}_port`] = new RegExp(`^${index}: ([^@:]+)`, "m").exec(port)?.[1] ?? "";
    const route = Bun.spawnSync(["nsenter", "-t", `${pid}`, "-n", "ip", "route"]).stdout.toString();
    values[`${name}_gw`] = /default via (\S+)/.exec(route)?.[1] ?? "";
  }

  beforeAll(async () => {
    shell(
      `ip link set lo up
      ip link add out0 type veth peer name out1
      ip addr add 192.0.2.1/24 dev out0; ip link set out0 up; ip link set out1 up
      ip route add default via 192.0.2.254`,
    );
    engine = await startEngine();
    await tiffin("network", "create", "one");
    await tiffin("network", "create", "two");
    await tiffin("network", "create", "--internal", "closed");
    const run = (name: string, network: string, ...rest: readonly string[]): Promise<string> =>
      tiffin("run", "-d", "--name", name, "--network", network, ...rest);
    const serve = "httpd -p 127.0.0.1:81; exec httpd -f -p 80";
    await run(
      "web",
      "one",
      "--network-alias",
      "shop",
      "-p",
      `${values["published"]}:80`,
      "base",
      "sh",
      "-c",
      serve,
    );
    await run("cli", "one", "base", "sleep", "1000");
    await run("other", "one", "base", "sleep", "1000");
    await run("far", "two", "base", "sleep", "1000");
    await run("shut", "closed", "base", "sleep", "1000");
    await run("gone", "one", "base", "true");
    await tiffin("wait", "gone");
    await inside("web", "one");
    await inside("cli", "one");
    await inside("other", "one");
    await inside("far", "two");
    values["bridge"] =
      /master (\S+)/.exec(
        Bun.spawnSync(["ip", "link", "show", values["web_port"] ?? ""]).stdout.toString(),
      )?.[1] ?? "";
    // Both programs of it listen before anybody asks.
    for (const port of ["80", "81"]) {
      shell(
        `for i in $(seq 500); do $web ss -Hltn "sport = :${port}" | grep -q . && exit 0; sleep 0.02; done; exit 1`,
      );
    }
  }, 60_000);

  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  const reached: readonly (readonly [from: string, to: string])[] = [
    ["cli", "web:80"],
    ["cli", "shop:80"],
    ["cli", "$web_ip:80"],
    ["host", "web:80"],
    ["host", "127.0.0.1:$published"],
    ["far", "192.0.2.1:$published"],
    ["outside", "web:80"],
    ["outside", "192.0.2.1:$published"],
    ["web", "127.0.0.1:81"],
    ["cli", "198.51.100.9:443"],
  ];
  for (const [from, to] of reached) {
    test(`${from} reaches ${to}`, async () => {
      const answer = await why(from, to);
      expect(answer.Reachable ? "reached" : answer.Verdict).toBe("reached");
      expect(answer.Verdict).toStartWith("yes");
    });
  }

  const faults: readonly Fault[] = [
    {
      name: "a link that is down",
      from: "cli",
      to: "$web_ip:80",
      make: "$cli ip link set eth0 down",
      undo: "$cli ip link set eth0 up; $cli ip route add default via $cli_gw",
      reason: "linkDown",
      says: "the link eth0 of cli is down",
      remedy: "tiffin restart cli",
    },
    {
      name: "the host's end of a link that is down",
      from: "cli",
      to: "$web_ip:80",
      make: "ip link set $cli_port down",
      undo: "ip link set $cli_port up",
      reason: "linkDown",
      says: "the link $cli_port of host is down",
      remedy: "ip link set $cli_port up",
    },
    {
      name: "a route that is missing",
      from: "cli",
      to: "198.51.100.9:80",
      make: "$cli ip route del default",
      undo: "$cli ip route add default via $cli_gw",
      reason: "noRoute",
      says: "cli has no route to 198.51.100.9",
      remedy: "add a route to 198.51.100.9 at cli, or tiffin restart cli",
    },
    {
      name: "a route back that is missing",
      from: "outside",
      to: "web:80",
      make: "$web ip route del default",
      undo: "$web ip route add default via $web_gw",
      reason: "noWayBack",
      says: "web has no route back to 203.0.113.7",
      remedy: "add a route to 203.0.113.7 at web, or tiffin restart web",
    },
    {
      name: "another network, by name",
      from: "far",
      to: "web:80",
      reason: "nameNotShared",
      says: "far and web share no network",
      remedy: "tiffin network connect one far",
    },
    {
      name: "another network, by address",
      from: "far",
      to: "$web_ip:80",
      reason: "wrongNetwork",
      says: "nothing else reaches a container",
      remedy: "tiffin network connect one far",
    },
    {
      name: "an internal network",
      from: "shut",
      to: "$web_ip:80",
      reason: "isInternal",
      says: "the network closed is internal",
      remedy: "tiffin network connect one shut",
    },
    {
      name: "a port that is not published",
      from: "outside",
      to: "web:81",
      reason: "notPublished",
      says: "port 81 of web is not published",
      remedy: "tiffin update --publish-add 81:81/tcp web",
    },
    {
      name: "a port that is not published, at the container's own address",
      from: "outside",
      to: "$web_ip:80",
      reason: "notPublished",
      says: "port 80 of web is not published",
      remedy: "tiffin update --publish-add 80:80/tcp web",
    },
    {
      name: "nothing that listens",
      from: "cli",
      to: "web:82",
      reason: "noListener",
      says: "nothing in web listens at tcp port 82 (there: 80, 81)",
      remedy: "start the program that listens at port 82 in web",
    },
    {
      name: "nothing that listens for datagrams",
      from: "cli",
      to: "web:80/udp",
      reason: "noListener",
      says: "nothing in web listens at udp port 80",
      remedy: "start the program that listens at port 80 in web",
    },
    {
      name: "a program that listens at 127.0.0.1 only",
      from: "cli",
      to: "web:81",
      reason: "loopbackOnly",
      says: "web listens at 127.0.0.1:81 only",
      remedy: "have the program in web listen at 0.0.0.0:81",
    },
    {
      name: "a rule in the target that drops",
      from: "cli",
      to: "web:80",
      make: `$web nft 'add table ip own; add chain ip own in { type filter hook input priority 0; }; add rule ip own in ip saddr { $cli_ip, 192.0.2.99 } tcp dport 79-80 counter drop comment "not today"'`,
      undo: "$web nft delete table ip own",
      reason: "dropped",
      says: 'ip saddr {...} l4proto tcp th dport >= 79 th dport <= 80 drop comment "not today"',
      remedy: "$web nft delete rule ip own in handle",
    },
    {
      name: "a rule of somebody else in the host that drops what is passed on",
      from: "outside",
      to: "web:80",
      make: "nft 'add table inet theirs; add chain inet theirs pass { type filter hook forward priority -10; }; add chain inet theirs more; add rule inet theirs pass jump more; add rule inet theirs more ip daddr $web_ip drop'",
      undo: "nft delete table inet theirs",
      reason: "dropped",
      says: "the firewall of host drops it at forward: inet theirs more handle",
      remedy: "nft delete rule inet theirs more handle",
    },
    {
      name: "a host's firewall that lets nothing in",
      from: "cli",
      to: "192.0.2.1:22",
      make: "nft 'add table inet wall; add chain inet wall input { type filter hook input priority 0; policy drop; }; add rule inet wall input ct state established,related accept; add rule inet wall input tcp dport { 80, 443 } accept'",
      undo: "nft delete table inet wall",
      reason: "dropped",
      says: "the firewall of host drops it at input: inet wall input: policy drop",
      remedy: "nft insert rule inet wall input tcp dport 22 accept",
    },
    {
      name: "a host's firewall that refuses",
      from: "cli",
      to: "192.0.2.1:22",
      make: "nft 'add table inet wall; add chain inet wall input { type filter hook input priority 0; }; add map inet wall what { type inet_service : verdict; }; add element inet wall what { 22 : goto no }' 2>/dev/null || nft 'add table inet wall; add chain inet wall no; add chain inet wall input { type filter hook input priority 0; }; add rule inet wall no reject; add rule inet wall input tcp dport vmap { 22 : goto no }'",
      undo: "nft delete table inet wall",
      reason: "rejected",
      says: "the firewall of host rejects it at input: inet wall no handle",
      remedy: "nft delete rule inet wall no handle",
    },
    {
      name: "a rule of iptables",
      from: "cli",
      to: "192.0.2.1:22",
      make: "iptables -A INPUT -p tcp -m multiport --dports 20:22,80 -m conntrack --ctstate NEW,RELATED -j REJECT",
      undo: "iptables -D INPUT -p tcp -m multiport --dports 20:22,80 -m conntrack --ctstate NEW,RELATED -j REJECT",
      reason: "rejected",
      says: 'l4proto tcp th dport 20-22,80 ct state related,new xt target "REJECT"',
      remedy: "nft delete rule ip filter INPUT handle",
    },
    {
      name: "a wrong MAC",
      from: "cli",
      to: "web:80",
      make: "$cli ip neigh replace $web_ip lladdr 02:00:00:00:00:99 dev eth0 nud permanent",
      undo: "$cli ip neigh del $web_ip dev eth0",
      reason: "wrongMac",
      says: "cli sends frames for $web_ip to the MAC 02:00:00:00:00:99",
      remedy: "$cli ip neigh del $web_ip dev eth0",
    },
    {
      name: "a name that nobody has",
      from: "cli",
      to: "nosuch:80",
      reason: "nameUnknown",
      says: "knows no nosuch",
      remedy: "check the name",
    },
    {
      name: "a link that takes small packets only",
      from: "cli",
      to: "web:80",
      make: "ip link set $web_port mtu 1400",
      undo: "ip link set $web_port mtu 1500",
      reason: "tooBig",
      says: "$web_port takes packets of 1400 bytes only, cli sends up to 1500",
      remedy: "ip link set $web_port mtu 1500",
    },
    {
      name: "an address that two have",
      from: "cli",
      to: "web:80",
      make: "$other ip addr add $web_ip/32 dev eth0",
      undo: "$other ip addr del $web_ip/32 dev eth0",
      reason: "conflict",
      says: "$web_ip is used by more than one: ",
      remedy: "give one of them another address",
    },
    {
      name: "a target that is paused",
      from: "cli",
      to: "web:80",
      make: "pause",
      undo: "unpause",
      reason: "isPaused",
      says: "web is paused",
      remedy: "tiffin unpause web",
    },
    {
      name: "a target that does not run",
      from: "cli",
      to: "gone:80",
      reason: "notRunning",
      says: "gone does not run (exited)",
      remedy: "tiffin start gone",
    },
    {
      name: "an address that nobody has",
      from: "cli",
      to: "$nobody:80",
      reason: "nobody",
      says: "has the address $nobody",
      remedy: "tiffin inspect",
    },
  ];

  for (const { name, from, to, make, undo, reason, says, remedy } of faults) {
    test(`the first thing in the way is ${name}`, async () => {
      values["nobody"] ??= (values["web_ip"] ?? "").replace(/\d+$/, "250");
      const perform = async (what: string | undefined): Promise<void> => {
        if (what === "pause" || what === "unpause") await tiffin(what, "web");
        else if (what !== undefined) shell(filled(what));
      };
      await perform(make);
      try {
        const answer = await why(from, to);
        expect(answer.Reason === reason ? reason : answer).toBe(reason);
        expect(answer.Reachable).toBe(false);
        expect(answer.Verdict).toContain(filled(says));
        expect(answer.Remedy).toStartWith(filled(remedy));
        expect(answer.Steps.filter(({ Outcome }) => Outcome === "stop")).toHaveLength(1);
      } finally {
        await perform(undo);
      }
    });
  }

  test("a name server that does not answer is named", async () => {
    await tiffin(
      "exec",
      "cli",
      "sh",
      "-c",
      "cp /etc/resolv.conf /tmp/was; echo nameserver 192.0.2.77 >/etc/resolv.conf",
    );
    const answer = await why("cli", "web:80");
    await tiffin("exec", "cli", "sh", "-c", "cat /tmp/was >/etc/resolv.conf");
    expect(answer.Reason).toBe("nameSilent");
    expect(answer.Verdict).toContain("the name server 192.0.2.77 does not answer");
  });

  test("once all is as it was, it is reached again", async () => {
    expect((await why("cli", "web:80")).Verdict).toBe("yes: cli reaches web:80/tcp");
  });

  test("what to do is done: those with the network of the host, of another or with none, and ports for this machine", async () => {
    const own = String(freePort());
    const sleeps = ["base", "sleep", "1000"];
    const start = (name: string, network: string, ...rest: readonly string[]): Promise<string> =>
      tiffin("run", "-d", "--name", name, "--network", network, ...rest);
    await start("hosted", "host", ...sleeps);
    await start("alone", "none", ...sleeps);
    await start("guest", "container:web", ...sleeps);
    await start("local", "one", "-p", `127.0.0.1:${own}:80`, "base", "httpd", "-f", "-p", "80");
    const expected = [
      ["host", "hosted:1", "noListener", "start the program that listens at port 1 in host"],
      ["outside", "hosted:1", "noListener", "start the program that listens at port 1 in host"],
      [
        "outside",
        "alone:80",
        "noLinks",
        "alone was made for no network: make it anew with tiffin run --network NETWORK",
      ],
      ["cli", "guest:80", "nameOfOther", "ask for web:80"],
      ["cli", "hosted:80", "nameOfHost", "use an address of this machine: tiffin why cli host:80 says which"],
      ["hosted", "web:80", "nameNotShared", "ask for $web_ip:80"],
      ["guest", "far:80", "nameNotShared", "tiffin network connect two web"],
      [
        "cli",
        "alone:80",
        "noLinks",
        "alone was made for no network: make it anew with tiffin run --network one",
      ],
      [
        "alone",
        "web:80",
        "noLinks",
        "alone was made for no network: make it anew with tiffin run --network one",
      ],
      [
        "alone",
        "$web_ip:80",
        "noLinks",
        "alone was made for no network: make it anew with tiffin run --network one",
      ],
      [
        "outside",
        "local:80",
        "publishedHere",
        `tiffin update --publish-rm 80/tcp local, then tiffin update --publish-add ${own}:80/tcp local`,
      ],
    ] as const;
    for (const [from, to, reason, remedy] of expected) {
      const { Reason, Remedy } = await why(from, to);
      expect([from, to, Reason, Remedy]).toEqual([from, to, reason, filled(remedy)]);
    }
    await until("the program to listen", async () => (await why("cli", "local:80")).Reachable);
    // Each remedy is a command that the engine does.
    await tiffin("update", "--publish-rm", "80/tcp", "local");
    await tiffin("update", "--publish-add", `${own}:80/tcp`, "local");
    await tiffin("rm", "-f", "alone");
    await start("alone", "one", ...sleeps);
    const ways = [
      ["outside", "local:80"],
      ["alone", "web:80"],
      ["guest", "web:80"],
      ["hosted", "$web_ip:80"],
    ] as const;
    for (const [from, to] of ways)
      expect([from, to, (await why(from, to)).Verdict]).toEqual([from, to, expect.stringMatching(/^yes:/)]);
    await tiffin("rm", "-f", "hosted", "alone", "guest", "local");
  }, 60_000);

  test("a host and what stands on a link of it do not reach each other, whoever asks", async () => {
    const macvlan = ["--driver", "macvlan", "-o", "parent=out0", "--subnet", "192.0.2.0/24"];
    await tiffin("network", "create", ...macvlan, "--gateway", "192.0.2.254", "onlink");
    const start = (name: string, address: string): Promise<string> =>
      tiffin(
        ...["run", "-d", "--name", name, "--network", "onlink", "--ip", address],
        ...["base", "httpd", "-f", "-p", "80"],
      );
    await start("standing", "192.0.2.40");
    await start("beside", "192.0.2.41");
    await until("the program to listen", async () => (await why("beside", "192.0.2.40:80")).Reachable);
    for (const [from, to] of [
      ["host", "standing:80"],
      ["standing", "192.0.2.1:$published"],
    ] as const) {
      const answer = await why(from, to);
      expect([from, answer.Reason]).toEqual([from, "ownParent"]);
      expect(answer.Verdict).toContain("standing is a macvlan on the link out0 of the host");
    }
    const outside = await why("outside", "standing:80");
    expect([outside.Reason, outside.Remedy]).toEqual(["ownAddress", "ask for 192.0.2.40:80"]);
    shell("! ping -c 1 -W 1 192.0.2.40 >/dev/null");
    await tiffin("rm", "-f", "standing", "beside");
    await tiffin("network", "rm", "onlink");
  });

  test("this machine is meant by host, whoever asks", async () => {
    for (const from of ["host", "outside", "cli", "far"]) {
      const answer = await why(from, "host:$published");
      expect([from, answer.Verdict]).toEqual([from, `yes: ${from} reaches host:${values["published"]}/tcp`]);
      const closed = await why(from, "host:1");
      expect([from, closed.Reason]).toEqual([from, "noListener"]);
    }
    expect((await why("cli", "host:$published")).Steps[0]?.Text).toBe("host is this machine, at 192.0.2.1");
  });

  test("a real packet is sent and traced, and no rule of it stays", async () => {
    const before = Bun.spawnSync(["nft", "list", "tables"]).stdout.toString();
    shell(
      filled(
        `$web nft 'add table ip own; add chain ip own in { type filter hook input priority 0; }; add rule ip own in tcp dport 80 accept comment "yes"'`,
      ),
    );
    const answer = await why("far", "192.0.2.1:$published", "&probe=1");
    expect(answer.Verdict).toStartWith("yes");
    const texts = answer.Steps.map(({ Text }) => Text);
    expect(texts).toContain("a real packet was answered: connected");
    expect(texts.find((text) => text.startsWith("trace of host:") && text.includes("forward"))).toContain(
      'ct status dnat accept comment "published ports": accept',
    );
    expect(texts.find((text) => text.startsWith("trace of web:"))).toContain(
      'th dport 80 accept comment "yes": accept',
    );
    // What looks well and is not: the rules let it pass, and nobody takes what comes.
    shell(filled("$web nft 'add chain ip own late { type route hook output priority 300; policy drop; }'"));
    const silent = await why("cli", "web:80", "&probe=1");
    expect([silent.Reachable, silent.Reason]).toEqual([false, "probeSilent"]);
    shell(filled("$web nft delete table ip own"));
    expect(Bun.spawnSync(["nft", "list", "tables"]).stdout.toString()).toBe(before);
    expect(Bun.spawnSync(["sh", "-c", filled("$web nft list tables")]).stdout.toString()).toBe("");
  });

  test("the ways of IPv6: names with addresses of both families, and callers from outside", async () => {
    shell("ip addr add 2001:db8::1/64 dev out0 nodad; ip -6 route add default via 2001:db8::fe dev out0");
    await tiffin("network", "create", "--ipv6", "six");
    const port = String(freePort());
    const serve = ["base", "httpd", "-f", "-p", "[::]:80"];
    await tiffin("run", "-d", "--name", "sixth", "--network", "six", "-p", `${port}:80`, ...serve);
    const hosts = ["--add-host", "only6:2001:db8::9"];
    await tiffin("run", "-d", "--name", "caller", "--network", "six", ...hosts, "base", "sleep", "1000");
    const format = '{{(index .NetworkSettings.Networks "six").GlobalIPv6Address}}';
    const address = await tiffin("inspect", "-f", format, "sixth");
    await until("the program to listen", async () => (await why("caller", "sixth:80")).Reachable);
    const named = await why("caller", "sixth:80");
    expect(named.Steps.find(({ Step }) => Step === "nameAlso")?.Text).toContain(
      `sixth is ${address} as well`,
    );
    const ways = [
      ["caller", `[${address}]:80`],
      ["host", `[${address}]:80`],
      ["2001:db8::77", "sixth:80"],
      ["2001:db8::77", `[2001:db8::1]:${port}`],
      ["outside", `[2001:db8::1]:${port}`],
      ["outside", "sixth:80"],
    ] as const;
    for (const [from, to] of ways)
      expect([from, to, (await why(from, to)).Verdict]).toEqual([from, to, expect.stringMatching(/^yes/)]);
    const only = await why("caller", "only6:443");
    expect(only.Verdict).toStartWith("yes as far as this machine");
    expect(only.Steps[0]?.Text).toBe("the name only6 is 2001:db8::9, says /etc/hosts");
    const mixed = await why("198.51.100.9", `[2001:db8::1]:${port}`);
    expect(mixed.Reason).toBe("otherFamily");
    const closed = await why("2001:db8::77", "web:80");
    expect([closed.Reachable, closed.Reason]).toEqual([false, "notPublished"]);
    await tiffin("rm", "-f", "sixth", "caller");
    await tiffin("network", "rm", "six");
    shell("ip addr del 2001:db8::1/64 dev out0");
  });

  test("a real packet from outside is waited for, and traced", async () => {
    const outside = Bun.spawn(["unshare", "--net", "sleep", "1000"], { stdout: "ignore", stderr: "ignore" });
    await using _ended = {
      async [Symbol.asyncDispose]() {
        outside.kill();
        await outside.exited;
      },
    };
    const own = readlinkSync("/proc/self/ns/net");
    await until("the namespace", () => readlinkSync(`/proc/${outside.pid}/ns/net`) !== own);
    const there = `nsenter -t ${outside.pid} -n`;
    shell(`ip link add near0 type veth peer name far0 netns ${outside.pid}
      ip addr add 198.18.0.1/24 dev near0; ip link set near0 up
      ${there} ip addr add 198.18.0.2/24 dev far0; ${there} ip link set far0 up
      ${there} ip route add default via 198.18.0.1`);
    const answer = why("198.18.0.2", "web:80", "&probe=1");
    let isOver = false;
    const over = answer.finally(() => {
      isOver = true;
    });
    await until("somebody outside to be seen", () => {
      const attempt = `${there} timeout 1 bash -c 'exec 3<>/dev/tcp/192.0.2.1/${values["published"]}'`;
      Bun.spawnSync(["sh", "-c", attempt]);
      return isOver;
    });
    const { Verdict, Steps } = await over;
    expect(Verdict).toStartWith("yes");
    const texts = Steps.map(({ Text }) => Text);
    expect(texts).toContain("a packet from outside came in");
    expect(texts.find((text) => text.startsWith("trace of host:"))).toContain("@published");
    shell("ip link delete near0");
  });

  test("what chooses the packets to be traced goes with the program that asked, however it ends", async () => {
    const door = new URL("../../src/kernel/netlink/mod.ts", import.meta.url).pathname;
    const script = `import { NftTrace } from "${door}";
      globalThis.kept = NftTrace.open(undefined, "why_killed", [{ protocol: 6, port: 80 }]);
      process.stdout.write("open"); setInterval(() => undefined, 1000);`;
    const child = Bun.spawn([process.execPath, "-e", script], { stdout: "pipe", stderr: "inherit" });
    const tables = (): string => Bun.spawnSync(["nft", "list", "tables"]).stdout.toString();
    await child.stdout.getReader().read();
    expect(tables()).toContain("why_killed");
    child.kill("SIGKILL");
    await child.exited;
    await until("the kernel has taken the table away", () => !tables().includes("why_killed"));
  });

  test("the command says it in lines, as JSON and in Chinese, and its exit code says whether", async () => {
    const good = await engine.cli("why", "cli", "web:80");
    expect([good.exitCode, good.stdout.trimEnd().split("\n").at(-1)]).toEqual([
      0,
      "yes: cli reaches web:80/tcp",
    ]);
    const bad = await engine.cli("why", "--format", "json", "far", "web:80");
    expect(bad.exitCode).toBe(1);
    expect((JSON.parse(bad.stdout) as Answer).Reason).toBe("nameNotShared");
    const chinese = await engine.cli("why", "--lang", "zh", "cli", "web:82");
    expect(chinese.stdout).toContain("不能：cli 到不了 web:82/tcp，因为web 中没有程序在 tcp 端口 82 监听");
    for (const [from, to] of [
      ["nobody", "web:80"],
      ["cli", "web"],
      ["cli", "web:0"],
      ["cli", "web:80/icmp"],
    ] as const) {
      expect((await engine.cli("why", from, to)).exitCode).toBe(125);
    }
  });
});
