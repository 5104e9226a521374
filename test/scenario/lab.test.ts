/**
 * The bench against the real `ip`, `bridge` and `ping`: two namespaces and a cable, then a switch. Everything happens in a
 * network namespace of its own and on a /run of its own, so that "nothing is left" can be said of the whole.
 */
import { afterAll, afterEach, beforeAll, describe, expect, test } from "bun:test";
import { join } from "node:path";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { until } from "../support/until.ts";

const program = join(import.meta.dir, "../../src/main/tiffin.ts");
const runDirectory = "/run/tiffin";

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

inOwnNetns(import.meta.path, () => {
  let holder: Bun.Subprocess<"pipe", "pipe", "inherit">;

  function run(words: readonly string[], env: Readonly<Record<string, string>> = {}): Outcome {
    const done = Bun.spawnSync(["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, ...words], {
      env: { ...process.env, ...env },
      stderr: "pipe",
    });
    return {
      code: done.exitCode ?? (done.signalCode === "SIGKILL" ? 137 : null),
      out: done.stdout.toString().trimEnd(),
      err: done.stderr.toString().trimEnd(),
    };
  }

  /** Standard output of a program that must succeed. */
  function output(...words: readonly string[]): string {
    const { code, out, err } = run(words);
    expect({ words, code, err }).toEqual({ words, code: 0, err: "" });
    return out;
  }

  function tryLab(line: string, env?: Readonly<Record<string, string>>): Outcome {
    return run([process.execPath, program, "lab", ...line.split(" ")], env);
  }

  function lab(line: string): string {
    return output(process.execPath, program, "lab", ...line.split(" "));
  }

  function json(text: string): unknown {
    return text === "" ? [] : JSON.parse(text);
  }

  /** What `ip -json` says, in a namespace where `netns` is not empty. */
  function ip(line: string, netns = ""): unknown {
    const inside = netns === "" ? [] : ["-n", netns];
    return json(output("ip", ...inside, "-json", ...line.split(" ")));
  }

  /** Everything that the bench can have changed. */
  function everything() {
    const settings = (value: unknown): unknown =>
      Array.isArray(value)
        ? value.map(({ ifname, address, mtu, flags, master }) => ({ ifname, address, mtu, flags, master }))
        : value;
    return {
      links: settings(ip("link")),
      addresses: ip("-4 addr"),
      routes: ip("route show table all"),
      // Only those of the bench: what goes on elsewhere on the host reaches this mount namespace too.
      mounts: output("grep", " /run/", "/proc/self/mounts"),
      run: output("find", "/run", "!", "-path", runDirectory),
    };
  }

  beforeAll(async () => {
    const script = "mount -t tmpfs tmpfs /run && echo ready && exec cat";
    holder = Bun.spawn(["unshare", "--mount", "sh", "-c", script], { stdin: "pipe", stdout: "pipe" });
    await holder.stdout.getReader().read();
    output("ip", "link", "set", "lo", "up");
    output("mount", "-t", "tmpfs", "tmpfs", "/run/beside", "-o", "X-mount.mkdir");
  });

  afterAll(async () => {
    holder.stdin.end();
    await holder.exited;
  });

  describe("two namespaces and a cable", () => {
    let before: ReturnType<typeof everything>;
    beforeAll(() => {
      before = everything();
      lab("netns add ns1");
      lab("netns add ns2");
      lab("link add veth0 type veth peer name veth1");
      lab("link set veth0 netns ns1");
      lab("link set veth1 netns ns2");
      lab("addr add 172.18.0.2/24 dev veth0 --netns ns1");
      lab("addr add 172.18.0.3/24 dev veth1 --netns ns2");
      lab("link set veth0 up --netns ns1");
      lab("link set veth1 up --netns ns2");
      lab("route add default dev veth0 --netns ns1");
      lab("route add default dev veth1 --netns ns2");
    });

    test("one ping goes across, from either program", () => {
      const ping = ["busybox", "ping", "-c", "1", "-W", "5"];
      expect(output("ip", "netns", "exec", "ns1", ...ping, "172.18.0.3")).toContain("1 packets received");
      expect(lab(`netns exec ns2 ${ping.join(" ")} 172.18.0.2`)).toContain("1 packets received");
    });

    test("the namespaces are those that ip sees, with the same numbers", () => {
      expect(json(lab("netns ls --json"))).toEqual(expect.arrayContaining(list(ip("netns"))));
      expect(list(json(lab("netns ls --json")))).toHaveLength(2);
      expect(lab("netns ls").split("\n").sort()).toEqual(output("ip", "netns").split("\n").sort());
    });

    test("links, addresses, routes, neighbours and rules are as ip -json tells them", async () => {
      await until(
        "the addresses to be settled",
        () => !JSON.stringify(ip("addr", "ns1")).includes("tentative"),
      );
      for (const line of ["link", "addr", "route", "neigh", "rule"]) {
        for (const [options, flag] of [
          ["", ""],
          ["-6 ", " --ipv6"],
        ] as const) {
          if (flag !== "" && line !== "route" && line !== "rule") continue;
          const theirs = list(ip(`${options}${line === "link" ? "-d link" : line}`, "ns1"));
          const ours = list(json(lab(`${line} ls --json --netns ns1${flag}`)));
          expect(ours).toHaveLength(theirs.length);
          for (const [index, one] of ours.entries()) expect(theirs[index]).toMatchObject(Object(one));
        }
      }
    });

    test("the way of a packet is the one that ip finds", () => {
      for (const address of ["172.18.0.3", "8.8.8.8", "172.18.0.2"]) {
        const [ours] = list(json(lab(`route get ${address} --json --netns ns1`)));
        expect(list(ip(`route get ${address}`, "ns1"))[0]).toMatchObject(Object(ours));
      }
    });

    test("exec: the exit code, the program's own options, its /sys, and a process is found again by its number", () => {
      expect(run([process.execPath, program, "lab", "netns", "exec", "ns1", "sh", "-c", "exit 7"]).code).toBe(
        7,
      );
      expect(lab("netns exec ns1 ls /sys/class/net").split("\n")).toEqual(["lo", "veth0"]);
      expect(lab("netns exec ns2 ip netns identify")).toBe("ns2");
      expect(lab(`netns exec ns2 ${process.execPath} ${program} lab netns identify --json`)).toBe('["ns2"]');
      expect(tryLab("netns exec ns1 nosuch")).toMatchObject({ code: 127, out: "" });
      // A signal that a parent of ours ignores must not be ignored in there.
      expect(lab("netns exec ns1 grep SigIgn /proc/self/status")).toMatch(/0000000000000000$/);
    });

    test("undo leaves nothing", () => {
      lab("undo");
      expect(everything()).toEqual(before);
      expect(lab("undo")).toBe("");
    });
  });

  test("a bridge with a cable and a second interface attached, as ip and bridge see it", () => {
    const before = everything();
    lab("bridge add br0");
    lab("link add veth0 type veth peer name veth1");
    lab("link add tap0 type tap");
    lab("link add tun0 type tun");
    lab("bridge addif br0 veth0");
    lab("link set tap0 master br0");
    lab("link set br0 up");
    lab("link set veth0 mtu 1400 address 02:00:00:00:00:07 up");
    const [bridge] = list(json(lab("bridge show br0 --json")));
    expect(bridge).toMatchObject({ ifname: "br0", ports: ["veth0", "tap0"] });
    const ports = list(json(output("bridge", "-json", "link"))).map((port) => Object(port).ifname);
    expect(ports.sort()).toEqual(["tap0", "veth0"]);
    const theirs = list(json(output("bridge", "-json", "fdb", "show", "br", "br0")));
    const ours = list(json(lab("bridge fdb br0 --json")));
    expect(ours).toEqual(expect.arrayContaining(theirs));
    expect(ours).toHaveLength(theirs.length);
    expect(lab("link ls tap0")).toContain("tap ");
    const links = list(ip("-d link"));
    for (const [index, one] of list(json(lab("link ls --json"))).entries()) {
      expect(links[index]).toMatchObject(Object(one));
    }
    expect(ip("link show veth0")).toMatchObject([{ mtu: 1400, address: "02:00:00:00:00:07", master: "br0" }]);
    lab("bridge delif br0 veth0");
    expect(ip("link show veth0")).not.toMatchObject([{ master: "br0" }]);
    lab("undo");
    expect(everything()).toEqual(before);
  });

  test("what is removed by hand is not missed, and another of the same name is left alone", () => {
    lab("netns add ns1");
    lab("bridge add br0");
    lab("link add veth0 type veth peer name veth1");
    output("ip", "link", "del", "br0");
    output("ip", "netns", "del", "ns1");
    output("ip", "link", "add", "spare", "type", "bridge");
    output("ip", "link", "add", "br0", "type", "bridge");
    output("ip", "netns", "add", "ns1");
    lab("link rm veth1");
    expect(lab("undo").split("\n")).toEqual([
      'gone already: link "veth0"',
      'gone already: link "br0"',
      'gone already: network namespace "ns1"',
      "kept: somebody uses it: ns1: directory /run/netns",
    ]);
    expect(ip("link show br0")).toHaveLength(1);
    expect(ip("netns")).toEqual([{ name: "ns1" }]);
    for (const name of ["br0", "spare"]) output("ip", "link", "del", name);
    output("ip", "netns", "del", "ns1");
    output("umount", "/run/netns");
    output("rmdir", "/run/netns");
  });

  test("settings of a link that somebody else has made are put back: name, place, address, size, switch, state", () => {
    output("ip", "link", "add", "theirs", "type", "veth", "peer", "name", "other");
    const before = everything();
    lab("netns add ns1");
    lab("bridge add br0");
    lab("link set theirs mtu 1300 address 02:00:00:00:00:08 master br0 up");
    lab("link set other name mine");
    lab("link set mine netns ns1 up");
    lab("addr add 10.9.0.1/24 dev theirs");
    lab("addr add fd00::1/64 dev mine --netns ns1");
    lab("undo");
    expect(everything()).toEqual(before);
    output("ip", "link", "del", "theirs");
  });

  test("many benches at once wait for each other, and nothing of theirs is lost", async () => {
    const before = everything();
    const names = ["c0", "c1", "c2", "c3", "c4", "c5"];
    const all = names.map((name) =>
      Bun.spawn(
        [
          ...["nsenter", `--mount=/proc/${holder.pid}/ns/mnt`, process.execPath, program, "lab"],
          ...["link", "add", name, "type", "veth", "peer", "name", `p${name}`],
        ],
        { stdout: "inherit", stderr: "inherit" },
      ),
    );
    expect(await Promise.all(all.map((child) => child.exited))).toEqual(names.map(() => 0));
    expect(list(ip("link"))).toHaveLength(names.length * 2 + 1);
    expect(lab("undo").split("\n")).toHaveLength(names.length);
    expect(everything()).toEqual(before);
  });

  test("what was made in another network namespace of a caller stays in the journal, and undo says so", () => {
    lab("bridge add br0");
    const elsewhere = run(["unshare", "--net", process.execPath, program, "lab", "undo"]);
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.err).toBe(
      'tiffin lab: could not take back everything: link "br0": it was made from another network namespace; call undo there',
    );
    expect(lab("undo")).toBe('taken back: link "br0"');
  });

  test("a journal whose last write was cut short is read; one that is no journal is named with its line", () => {
    lab("bridge add br0");
    output("sh", "-c", `printf '{"id":9,"chan' >> ${runDirectory}/lab-journal`);
    lab("bridge add br1");
    expect(lab("undo").split("\n")).toEqual(['taken back: link "br1"', 'taken back: link "br0"']);
    for (const line of [
      "nonsense",
      "7",
      '{"id":1,"change":{"what":"link"}}',
      '{"id":1,"change":{"what":"odd"}}',
    ]) {
      output("sh", "-c", `printf '%s\\n' "$1" > ${runDirectory}/lab-journal`, "sh", line);
      expect(tryLab("undo")).toMatchObject({
        code: 1,
        err: expect.stringContaining(`cannot read line 1 of the journal ${runDirectory}/lab-journal`),
      });
    }
    output("rm", `${runDirectory}/lab-journal`);
  });

  test("what is in /run/netns without being a namespace is not opened, entered or waited for", () => {
    const before = everything();
    output("mkdir", "/run/netns");
    output("mkfifo", "/run/netns/pipe");
    output("touch", "/run/netns/file");
    output("ln", "-s", "/proc/self/ns/mnt", "/run/netns/mounts");
    expect(lab("netns ls").split("\n")).toEqual(["file", "mounts", "pipe"]);
    for (const name of ["pipe", "file", "mounts"]) {
      expect(tryLab(`netns exec ${name} true`).err).toStartWith(
        `tiffin lab: there is no network namespace "${name}"`,
      );
    }
    expect(tryLab("link ls").code).toBe(0);
    for (const name of ["pipe", "file", "mounts"]) lab(`netns rm ${name}`);
    output("rmdir", "/run/netns");
    expect(everything()).toEqual(before);
  });

  describe("killed at each step, undo leaves nothing", () => {
    const cable = "link add v0 type veth peer name v1";
    const cases: readonly (readonly string[])[] = [
      ["netns add ns1"],
      [cable],
      ["bridge add b0"],
      ["link add t0 type tap"],
      ["netns add ns1", cable, "link set v0 netns ns1"],
      [cable, "link set v1 name w1"],
      [cable, "link set v1 mtu 1400 up"],
      [cable, "addr add 10.9.0.2/24 dev v0"],
      [cable, "link set v0 up", "route add 10.8.0.0/16 dev v0"],
      ["bridge add b0", cable, "bridge addif b0 v0"],
    ];
    const steps = (line: string): string[] => [
      "journal.written",
      "change.made",
      "journal.confirmed",
      ...(line === "netns add ns1" ? ["directory.mounted", "netns.file"] : []),
    ];
    const all = cases.flatMap((lines) => steps(lines.at(-1) ?? "").map((step) => [lines, step] as const));

    afterEach(() => tryLab("undo"));

    test.each(all)("%p at %s", (lines, step) => {
      const before = everything();
      for (const line of lines.slice(0, -1)) lab(line);
      const killed = tryLab(lines.at(-1) ?? "", { TIFFIN_FAILPOINT: `lab.${step}:kill` });
      expect(killed.code).toBe(137);
      lab("undo");
      expect(everything()).toEqual(before);
    });

    test.each(["undo.change", "undo.noted"])("undo itself, at %s, again and again", (step) => {
      const before = everything();
      for (const line of [
        "netns add ns1",
        cable,
        "link set v0 netns ns1",
        "link set v1 name w1",
        "link set w1 up",
      ]) {
        lab(line);
      }
      const kill = { TIFFIN_FAILPOINT: `lab.${step}:kill` };
      if (step === "undo.noted") while (tryLab("undo", kill).code === 137);
      else expect(tryLab("undo", kill).code).toBe(137);
      lab("undo");
      expect(everything()).toEqual(before);
    });
  });

  describe("errors name the object and what was found, and leave nothing behind", () => {
    beforeAll(() => {
      output("ip", "link", "add", "have0", "type", "veth", "peer", "name", "have1");
    });
    afterAll(() => {
      output("ip", "link", "del", "have0");
    });

    test.each([
      ["netns rm nosuch", 'there is no network namespace "nosuch"; found nothing'],
      ["netns add a/b", '"a/b" is no name of a network namespace'],
      ["netns exec nosuch true", 'there is no network namespace "nosuch"'],
      ["netns identify 4000000", "there is no process 4000000"],
      ["link ls --netns nosuch", 'there is no network namespace "nosuch"'],
      ["link add have0 type bridge", 'there is a link "have0" of kind veth in the caller'],
      ["link add new type veth peer name have1", 'there is a link "have1" of kind veth'],
      ["link add new type nosuch", 'there is no kind of link "nosuch"; there are veth, bridge, dummy, vlan'],
      ["link add far-too-long-name type bridge", '"far-too-long-name" is no name of a link: 1 to 15 bytes'],
      [
        "link add new type vlan id 4095 link have0",
        'the id of the VLAN is "4095", wanted a whole number from 0 to 4094',
      ],
      ["link add new type vlan link have0", "a link of type vlan needs id"],
      ["link set nosuch up", 'there is no link "nosuch" in the caller\'s network namespace; found lo, '],
      [
        "link set have0 mtu 9",
        'cannot change link "have0" in the caller\'s network namespace: mtu less than device minimum (EINVAL)',
      ],
      ["link set have0 address 02:00", 'the hardware address is "02:00", wanted six bytes'],
      ["link set have0 master have1", '"have1" takes no ports'],
      ["link set lo netns 4000000", 'there is no network namespace and no process "4000000"'],
      ["link set have0", "what to set is missing: tiffin lab link set NAME"],
      [
        "link rm lo",
        'cannot remove link "lo" from the caller\'s network namespace: it is no link that can be removed',
      ],
      ["addr add 300.1.1.1/24 dev have0", 'the address is "300.1.1.1/24", wanted one such as 172.18.0.2/24'],
      ["addr rm 10.0.0.1/24 dev lo", "the link does not have it; found 127.0.0.1/8"],
      ["addr add 127.0.0.1/8 dev lo", "the link has it already"],
      ["route add 10.1.0.0/16 dev have0", 'link "have0" is down\n  (tiffin lab link set have0 up)'],
      ["route add 10.1.0.1/16 dev have0", "is an address in a network, wanted the network or /32"],
      ["route add default via 10.0.0.1", "the gateway 10.0.0.1 is in no network of a link that is up"],
      ["route add default", '"via GATEWAY" or "dev LINK" is missing'],
      [
        "route rm default",
        "cannot remove route to default from the caller's network namespace: there is no such route; found nothing",
      ],
      [
        "route get 8.8.8.8",
        "cannot find a way to 8.8.8.8 in the caller's network namespace: no route leads there",
      ],
      [
        "bridge addif have0 have1",
        'link "have0" in the caller\'s network namespace is no bridge, it is of kind veth; bridges: nothing',
      ],
      ["bridge frob", 'found "frob" after "bridge", wanted one of add, rm, addif, delif, show, fdb'],
      ["frob", 'there is no command "frob"; there are netns, link'],
      ["link ls --frob", 'unknown option "--frob"; there are --netns, --json'],
    ])("%s", (line, text) => {
      const before = everything();
      const { code, out, err } = tryLab(line);
      expect({ code, out }).toEqual({ code: 1, out: "" });
      expect(err).toStartWith("tiffin lab: ");
      expect(err).toContain(text);
      expect(everything()).toEqual(before);
    });

    test("a kind of link that this kernel lacks is named, with what brings it; one that it has is made", () => {
      const kinds = [
        "dummy",
        "vlan id 5 link have0",
        "macvlan link have0",
        "ipvlan link have0 mode l3",
        "vxlan id 7 remote 10.0.0.9",
      ];
      for (const words of kinds) {
        const [kind = ""] = words.split(" ");
        const { code, err } = tryLab(`link add new type ${words}`);
        if (code === 0) {
          expect(ip("-d link show new")).toMatchObject([{ linkinfo: { info_kind: kind } }]);
          lab("undo");
        } else expect(err).toContain(`: this kernel has no links of kind ${kind}\n  (modprobe `);
      }
    });
  });
});

function list(value: unknown): unknown[] {
  expect(value).toBeArray();
  return Array.isArray(value) ? value : [];
}
