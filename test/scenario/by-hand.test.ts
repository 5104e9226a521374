/**
 * `explain --format sh`: the script makes by hand what the engine makes. Each container reports what it sees of itself; the
 * container of the engine goes, the script that was written of it runs, and both reports are to be the same. Nothing is left of either.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmdirSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { cgroupParentOf } from "../../src/engine/config.ts";
import { deviceProgram } from "../../src/linux/bpf-device.ts";
import { languages } from "../../src/plan/mod.ts";
import { helperText } from "../../src/plan/script/helper.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
const scratch = temporaryDirectory("by-hand");

beforeAll(async () => {
  engine = await startEngine();
  mkdirSync(`${scratch.path}/data/run-secrets`, { recursive: true });
  writeFileSync(`${scratch.path}/data/file`, "bound\n");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  scratch[Symbol.dispose]();
});

const report = `
echo "== mounts"; cat /proc/self/mountinfo
echo "== status"; grep -E "^(Uid|Gid|Groups|Umask|Cap|NoNew|Seccomp)" /proc/self/status
echo "== processes"; tr "\\0" " " < /proc/self/cmdline | cut -c 1-20; ls -d /proc/1
echo "== session"; cut -d " " -f 5,6,7,8 /proc/1/stat
echo "== namespaces"; for n in cgroup ipc mnt net pid time user uts; do echo "$n $(readlink /proc/self/ns/$n)"; done
echo "== names"; hostname; cat /proc/sys/kernel/domainname; pwd
echo "== environment"; env | sort
echo "== limits"; cat /proc/self/limits
echo "== groups"; cat /proc/self/cgroup
for f in memory/memory.limit_in_bytes memory/memory.memsw.limit_in_bytes cpu/cpu.cfs_quota_us cpu/cpu.shares pids/pids.max devices/devices.list memory.max memory.swap.max cpu.max pids.max; do
  [ ! -e /sys/fs/cgroup/$f ] || { echo "$f"; cat /sys/fs/cgroup/$f; }; done
echo "== network"; ip address; ip route; ip -6 route; cat /etc/hosts /etc/hostname /etc/resolv.conf
for f in net/ipv4/ping_group_range net/ipv4/ip_unprivileged_port_start net/core/somaxconn; do cat /proc/sys/$f; done
echo "== files"; ls -la / /dev /dev/pts /dev/shm /in /t /sys/fs/cgroup 2>&1; cat /proc/self/oom_score_adj; cat /in/file 2>&1
echo "== denied"; mount -t tmpfs none /tmp 2>&1; echo x 2>&1 > /new; ls /proc/acpi /proc/kcore 2>&1 | head -2; unshare -U true 2>&1; echo 1 2>&1 > /proc/sys/kernel/hostname
echo "== descriptors"; ls /proc/1/fd
echo "== end"`;

/** What differs between any two containers, or two looks at one. */
function comparable(text: string, id: string): string[] {
  const own = (name: string): string => {
    try {
      return readlinkSync(`/proc/self/ns/${name}`);
    } catch {
      return "";
    }
  };
  const isOfHost = text.includes(`net ${own("net")}`);
  return (
    text
      .slice(0, text.indexOf("== end"))
      .replaceAll(`${id.slice(0, 12)}-by-hand`, id)
      // Links of the host come and go.
      .replace(isOfHost ? /== network\n.*(?=== files)/s : /^(?!)/, "")
      .split("\n")
      .map((line) => {
        const mount = /^\d+ \d+ \d+:\d+ (\S+) (\S+) (\S+) ?(\S*) - (\S+) (\S+) (\S+)$/.exec(line);
        if (mount !== null) {
          const [, root, at, options, propagation, type, source, own = ""] = mount;
          const kept = own
            .split(",")
            .filter(
              (option) =>
                !/^(?:lowerdir|upperdir|workdir|uuid|index|metacopy|volatile|fsync|redirect_dir)/.test(
                  option,
                ),
            );
          return `mount ${at} ${root} ${options} ${propagation} ${type} ${source} ${kept.sort().join(",")}`;
        }
        const namespace = /^(\w+) (\w+:\[\d+\])$/.exec(line);
        if (namespace !== null)
          return `${namespace[1]} ${namespace[2] === own(namespace[1] ?? "") ? "of the host" : "its own"}`;
        return line
          .replace(/@if\d+/, "@if")
          .replace(/valid_lft \S+ preferred_lft \S+/, "")
          .replace(/,M-DOWN|,LOWER_UP/g, "")
          .replace(/[A-Z][a-z]{2} [ \d]\d (?:\d\d:\d\d| \d{4})/, "DATE")
          .replace(/inet6 fe80:\S+/, "inet6 fe80::")
          .replace(/fe80::\S+ /, "fe80:: ")
          .replace(/^(d\S+ +)\d+/, "$1")
          .replace(/ +/g, " ");
      })
      .sort()
  );
}

async function outputOfRun(name: string, flags: readonly string[]): Promise<string> {
  await engine.output(
    "run",
    "-d",
    "--name",
    name,
    ...flags,
    "base",
    "sh",
    "-c",
    `${report}; exec sleep 1000`,
  );
  let text = "";
  await until(`${name} to report`, async () => {
    text = (await engine.cli("logs", name)).stdout;
    return text.includes("== end");
  });
  return text;
}

interface ByHand {
  readonly text: string;
  readonly errors: string;
  readonly exitCode: number;
}

/** Runs the script until it has reported, does `meanwhile`, and ends it as a terminal would. */
async function outputOfScript(
  script: string,
  meanwhile: () => Promise<void>,
  env: Readonly<Record<string, string>> = {},
): Promise<ByHand> {
  const file = `${scratch.path}/script.sh`;
  writeFileSync(file, script);
  writeFileSync(`${scratch.path}/out`, "");
  writeFileSync(`${scratch.path}/err`, "");
  const process_ = Bun.spawn(["sh", file], {
    stdin: "ignore",
    stdout: Bun.file(`${scratch.path}/out`),
    stderr: Bun.file(`${scratch.path}/err`),
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR: scratch.path, ...env },
  });
  const text = (): string => readFileSync(`${scratch.path}/out`, "utf8");
  await until("the script to report", () => process_.exitCode !== null || text().includes("== end"));
  await meanwhile();
  process_.kill("SIGTERM");
  const exitCode = await process_.exited;
  return { text: text(), errors: readFileSync(`${scratch.path}/err`, "utf8"), exitCode };
}

/** What a script has made on the host. */
function traces(id: string): string[] {
  const hand = `${id.slice(0, 12)}-by-hand`;
  const groups = readdirSync("/sys/fs/cgroup").flatMap((hierarchy) =>
    [`${cgroupParentOf(engine.tag)}/${hand}`, hand].map((path) => `/sys/fs/cgroup/${hierarchy}/${path}`),
  );
  const links = Bun.spawnSync(["ip", "-o", "link"]).stdout.toString();
  const tables = Bun.spawnSync(["nft", "list", "tables"]).stdout.toString();
  return [
    ...groups.filter((path) => existsSync(path)),
    ...[`/run/netns/by-hand-${id.slice(0, 12)}`].filter((path) => existsSync(path)),
    ...(links.includes(`hand${id.slice(0, 8)}`) ? ["a link"] : []),
    ...(tables.includes(`by_hand_${id.slice(0, 12)}`) ? ["a table"] : []),
    ...readdirSync(scratch.path).filter((name) => name.startsWith("tmp.")),
  ];
}

const cases: readonly (readonly [string, readonly string[]])[] = [
  ["the defaults", []],
  [
    "a user, groups and a working directory",
    ["--user", "1000:1000", "--group-add", "44", "--group-add", "4242", "-w", "/tmp"],
  ],
  ["no capabilities", ["--cap-drop", "ALL"]],
  [
    "capabilities for a user, nothing new by exec",
    ["--user", "7", "--cap-add", "NET_ADMIN", "--cap-drop", "MKNOD", "--security-opt", "no-new-privileges"],
  ],
  [
    "a root that is read-only, file systems in memory",
    ["--read-only", "--tmpfs", "/t:size=1m,mode=1770", "--shm-size", "1m"],
  ],
  [
    "limits of memory, processors and processes",
    [
      "-m",
      "64m",
      "--cpus",
      "0.5",
      "--pids-limit",
      "77",
      "--ulimit",
      "nofile=100:200",
      "--oom-score-adj",
      "300",
    ],
  ],
  ["no network", ["--network", "none", "-h", "kitchen", "--domainname", "lunch"]],
  [
    "the network, process and IPC namespaces of the host",
    ["--network", "host", "--pid", "host", "--ipc", "host"],
  ],
  [
    "directories and files of the host",
    ["-v", "DATA:/in", "-v", "DATA/file:/one:ro", "-e", "COLOUR=red and green"],
  ],
  [
    "a switch of the kernel, a device, more names",
    [
      "--sysctl",
      "net.core.somaxconn=99",
      "--device",
      "/dev/fuse",
      "--add-host",
      "soup:10.1.2.3",
      "--dns",
      "9.9.9.9",
    ],
  ],
  ["everything allowed", ["--privileged"]],
  ["no filter of system calls", ["--security-opt", "seccomp=unconfined"]],
  ["a user namespace of its own", ["--userns", "private"]],
  [
    "a user namespace, another user, limits, binds, no network",
    [
      ...[
        "--userns",
        "private",
        "--user",
        "1000:1000",
        "--network",
        "none",
        "-v",
        "DATA:/in",
        "--pids-limit",
        "77",
      ],
      ...[
        "-h",
        "kitchen",
        "--domainname",
        "lunch",
        "--tmpfs",
        "/t:size=1m,mode=1770",
        "-v",
        "DATA/file:/one:ro",
      ],
    ],
  ],
];

describe("the script makes the same container, and takes all of it back", () => {
  test.each(cases)("%s", async (title, given): Promise<void> => {
    const name = `box-${cases.findIndex(([one]) => one === title)}`;
    const flags = given.map((word) => word.replace("DATA", `${scratch.path}/data`));
    const wanted = await outputOfRun(name, flags);
    const { stdout: script } = await engine.cli("explain", "--format", "sh", "--show-secrets", name);
    const id = (await engine.output("inspect", "-f", "{{.Id}}", name)).trim();
    await engine.output("rm", "-f", name);
    const { text, errors, exitCode } = await outputOfScript(script, async () => {});
    expect(errors).toBe("");
    expect(comparable(text, id)).toEqual(comparable(wanted, id));
    expect(exitCode).toBe(143);
    expect(traces(id)).toEqual([]);
  });
});

test("a network of users: the address answers, the published port too, until the script ends", async () => {
  const port = freePort();
  await engine.output("network", "create", "--ipv6", "canteen");
  const flags = ["-p", `127.0.0.1:${port}:80`, "--network", "canteen", "--name", "web"];
  const command = `echo soup > /tmp/index.html; httpd -p 80 -h /tmp; ${report}; exec sleep 1000`;
  await engine.output("run", "-d", ...flags, "base", "sh", "-c", command);
  let wanted = "";
  await until("web to report", async () => {
    wanted = (await engine.cli("logs", "web")).stdout;
    return wanted.includes("== end");
  });
  const format = '{{.Id}} {{(index .NetworkSettings.Networks "canteen").IPAddress}}';
  const [id = "", address = ""] = (await engine.output("inspect", "-f", format, "web")).trim().split(" ");
  const script = await engine.output("explain", "--format", "sh", "web");
  const early = Bun.spawnSync(["sh", "-c", script]);
  expect(early.stderr.toString()).toContain("the container runs: stop it first");
  await engine.output("rm", "-f", "web");
  const answers: string[] = [];
  const { text, errors, exitCode } = await outputOfScript(script, async () => {
    for (const place of [`127.0.0.1:${port}`, `${address}:80`]) {
      answers.push(await (await fetch(`http://${place}/index.html`)).text());
    }
  });
  expect(answers).toEqual(["soup\n", "soup\n"]);
  expect(errors).toBe(
    "note: nobody answers for names of other containers: the engine's name server is not by hand\n",
  );
  expect(comparable(text, id)).toEqual(comparable(wanted, id));
  expect(exitCode).toBe(143);
  expect(traces(id)).toEqual([]);
});

test("exec by hand: the process is in the same namespaces and groups, and as confined", async () => {
  await engine.output("run", "-d", "--name", "host", "--user", "7", "base", "sleep", "1000");
  const look =
    "for n in cgroup ipc mnt net pid time user uts; do readlink /proc/self/ns/$n; done; cat /proc/self/cgroup; env | sort; pwd; " +
    'grep -E "^(Uid|Gid|Groups|Umask|Cap|NoNew|Seccomp)" /proc/self/status; cut -d " " -f 5,6,7,8 /proc/self/stat; for f in /proc/$$/fd/*; do echo $f; done; exit 5';
  const words = ["exec", "-u", "1000:44", "-w", "/tmp", "-e", "COLOUR=red", "host", "sh", "-c", look];
  const wanted = await engine.cli(...words);
  const script = await engine.output("explain", "--show-secrets", "-f", "sh", ...words);
  writeFileSync(`${scratch.path}/script.sh`, script);
  const { exitCode, stdout, stderr } = Bun.spawnSync(["sh", `${scratch.path}/script.sh`], {
    env: { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", TMPDIR: scratch.path },
  });
  expect(stderr.toString()).toBe(
    "note: nsenter, which waits for the process, is in the container's control groups too\n",
  );
  const withoutNumbers = (text: string): string =>
    text.replaceAll(/^\d+ \d+ 0 -1$/gm, "session").replaceAll(/\/proc\/\d+\/fd/g, "/fd");
  expect(withoutNumbers(stdout.toString())).toBe(withoutNumbers(wanted.stdout));
  expect([exitCode, wanted.exitCode]).toEqual([5, 5]);
  const text = await engine.output("explain", ...words);
  expect(text).toContain("setIds          1000:44");
  expect(text).toMatch(/ setIds .*\[-u 1000:44\]/);
  expect(text).toContain("COLOUR=***");
  await engine.output("rm", "-f", "host");
  const gone = Bun.spawnSync(["sh", `${scratch.path}/script.sh`]);
  expect([gone.exitCode, gone.stderr.toString()]).toEqual([
    1,
    expect.stringContaining("does not run any more"),
  ]);
});

test("exec by hand into a user namespace: root of it alone, as confined", async () => {
  await engine.output(
    "run",
    "-d",
    "--name",
    "mapped",
    "--userns",
    "private",
    "--network",
    "none",
    "base",
    "sleep",
    "1000",
  );
  const look =
    'id; cat /proc/self/uid_map; grep -E "^(Cap|NoNew|Seccomp)" /proc/self/status; stat -c "%n %u:%g %a" /*; ip address show lo | head -1; echo x > /proc/sys/kernel/hostname';
  const words = ["exec", "mapped", "sh", "-c", look];
  const wanted = await engine.cli(...words);
  expect(wanted.stdout).toContain("LOOPBACK,UP");
  writeFileSync(
    `${scratch.path}/script.sh`,
    await engine.output("explain", "--show-secrets", "-f", "sh", ...words),
  );
  const { stdout } = Bun.spawnSync(["sh", `${scratch.path}/script.sh`]);
  expect(stdout.toString()).toBe(wanted.stdout);
  await engine.output("rm", "-f", "mapped");
});

test("a network: the operations that make it, in words and by hand", async () => {
  await engine.output("network", "create", "--subnet", "10.199.7.0/24", "hall");
  const text = await engine.output("explain", "network", "hall");
  expect(text).toMatch(/ addressAdd +10\.199\.7\.1\/24 of \w+ +\[--subnet 10\.199\.7\.0\/24\]/);
  expect(text).toContain("Firewall (");
  expect(await engine.output("explain", "--lang", "zh", "--details", "network", "hall")).toContain("网桥");
  expect(await engine.output("explain", "network", "none")).toContain("Nothing is made for this network");
  const script = await engine.output("explain", "-f", "sh", "network", "hall");
  const id = (await engine.output("network", "inspect", "-f", "{{.Id}}", "hall")).trim();
  const [, link = ""] = / bridgeAdd +(\S+)/.exec(text) ?? [];
  const seen = (): string =>
    Bun.spawnSync([
      "sh",
      "-c",
      `ip -4 -o address show ${link}; nft list table inet by_hand_${id.slice(0, 12)}`,
    ]).stdout.toString();
  await engine.output("network", "rm", "hall");
  expect(seen()).toBe("");
  writeFileSync(`${scratch.path}/script.sh`, script);
  const made = Bun.spawn(["sh", `${scratch.path}/script.sh`], { stdin: "pipe", stderr: "pipe" });
  await until("the network to be there", () => seen().includes("published_any"));
  expect(seen()).toContain("inet 10.199.7.1/24");
  expect(seen()).toContain("10.199.7.0/24");
  made.stdin.end();
  expect(await made.exited).toBe(0);
  expect(await new Response(made.stderr).text()).toContain("is there until this ends");
  expect(seen()).toBe("");
  const again = Bun.spawn(["sh", `${scratch.path}/script.sh`], { stdin: "pipe", stderr: "ignore" });
  await until("the network to be there again", () => seen().includes("masqueraded"));
  again.kill("SIGTERM");
  expect(await again.exited).toBe(143);
  expect(seen()).toBe("");
});

test("rm: what a removal undoes, and nothing is removed", async () => {
  await engine.output("run", "-d", "--name", "guest", "-v", "/data", "base", "sleep", "1000");
  const pid = (await engine.output("inspect", "-f", "{{.State.Pid}}", "guest")).trim();
  const careful = await engine.output("explain", "rm", "guest");
  expect(careful).toStartWith("It runs: rm refuses without -f");
  expect(careful).not.toContain("volumeRemove");
  const text = await engine.output("explain", "rm", "-f", "-v", "guest");
  expect(text).toMatch(new RegExp(` processKill +${pid} +\\[-f\\]`));
  expect(text).toMatch(/ volumeRemove .* \[-v\]/);
  for (const op of ["endpointRelease", "cgroupRemove", "directoryRemove", "rowRemove"])
    expect(text).toContain(op);
  expect((await engine.output("inspect", "-f", "{{.State.Status}}", "guest")).trim()).toBe("running");
  await engine.output("stop", "-t", "0", "guest");
  expect(await engine.output("explain", "rm", "guest")).not.toContain("processKill");
});

test("a start that failed is explained afterwards: what was done, where it ended, what was not reached", async () => {
  const odd = ["--sysctl", "net.core.somaxconn=many", "--network", "none"];
  await engine.output("create", "--name", "broken", ...odd, "base", "true");
  const { stderr } = await engine.cli("start", "broken");
  const [, index = ""] = /cannot perform operation (\d+), write/.exec(stderr) ?? [];
  const text = await engine.output("explain", "broken");
  expect(text).toStartWith(`The last start failed at operation ${index}: `);
  expect(text).toMatch(new RegExp(`^ +${index} {2}write .* FAILED: EINVAL$`, "m"));
  expect(text).toMatch(/ exec +true .* not reached$/m);
  const { operations } = JSON.parse(await engine.output("explain", "-f", "json", "broken")) as {
    readonly operations: readonly {
      readonly index: string;
      readonly result: string;
      readonly errno?: string;
    }[];
  };
  expect(operations.find((one) => one.index === index)).toMatchObject({ result: "failed", errno: "EINVAL" });
  expect(operations.find((one) => one.index === "h0")?.result).toBe("done");
  await engine.output("rm", "broken");
});

test("two command lines are compared, and one with a container", async () => {
  const text = await engine.output("explain", "--diff", "run -m 64m base 'a b'", "run base sh");
  expect(text).toStartWith("- run -m 64m base 'a b'\n+ run base sh\n");
  expect(text).toMatch(/- cgroupWrite .*memory\.limit_in_bytes {2}"67108864"/);
  expect(text).toContain('- exec a b  ["a b"]');
  await engine.output("create", "--name", "diner", "-v", "/data", "base", "sleep", "1000");
  const other = await engine.output(
    "explain",
    "--diff",
    "-f",
    "json",
    "diner",
    "run --read-only base sleep 1000",
  );
  expect(JSON.parse(other)).toMatchObject({ first: "diner", second: "run --read-only base sleep 1000" });
  expect(other).toContain("moveMount /data");
  const refused = await engine.cli("explain", "--diff", "run 'base", "guest");
  expect(refused.stderr).toContain("has no end");
});

test("no explanation shows the value of a variable or where a secret is mounted from, unless asked", async () => {
  const secret = "correct-horse";
  // Short, of characters that mean something elsewhere, and in other words as well.
  const short = "q7-$&";
  const flags = [
    ...["-e", `TOKEN=${secret}`, "-v", `${scratch.path}/data/run-secrets:/run/secrets/db:ro`],
    ...["-e", `PIN=${short}`, "--label", `course=${short}`, "-w", `/tmp/x${short}`],
  ];
  await engine.output(
    "run",
    "-d",
    "--name",
    "keeper",
    "--network",
    "none",
    ...flags,
    "base",
    "sleep",
    "1000",
  );
  const sources = [
    ...["text", "json", "sh", "markdown", "plain", "table", "shell"].flatMap((format) => [
      ["explain", "-f", format, "keeper"],
      ["explain", "-f", format, "run", ...flags, "base", "echo", `x${short}y`, `--key=${secret}`],
      ["explain", "-f", format, "exec", "-e", `KEY=${secret}`, "keeper", "echo", short],
    ]),
    ...["text", "json", "markdown"].map((format) => [
      "explain",
      "-f",
      format,
      "--diff",
      "keeper",
      `run ${flags.join(" ")} base`,
    ]),
    ["explain", "--details", "--lang", "zh", "keeper"],
    ["explain", "rm", "keeper"],
    ["trace", "-n", "0", "keeper"],
    ["trace", "--json", "keeper"],
  ];
  for (const words of sources) {
    const { exitCode, stdout, stderr } = await engine.cli(...words);
    expect([words, exitCode, stderr]).toEqual([words, 0, ""]);
    for (const one of [secret, "run-secrets", short])
      expect([words, one, stdout.includes(one)]).toEqual([words, one, false]);
  }
  const failed = await engine.cli("explain", "run", ...flags, "-u", `x${short}`, "base", "true");
  expect([failed.exitCode, failed.stderr.includes(short)]).toEqual([1, false]);
  const around = await engine.cli(
    "--debug",
    "run",
    "--rm",
    "--network",
    "none",
    ...flags,
    "base",
    "/nosuch",
    short,
  );
  const [, operations = ""] = around.stderr.split(/^(?= {2}|> )/m).map((part) => part);
  expect(around.stderr).toMatch(/^> +\d+ .*exec/m);
  expect([operations.includes(short), operations.includes(secret)]).toEqual([false, false]);
  const timed = await engine.cli("run", "--rm", "--timings", "--network", "none", ...flags, "base", "true");
  expect(timed.stderr).not.toContain("run-secrets");
  for (const format of ["text", "json", "sh"]) {
    const whole = await engine.output("explain", "--show-secrets", "-f", format, "keeper");
    expect([format, whole.includes(secret), whole.includes("run-secrets")]).toEqual([format, true, true]);
  }
  await engine.output("rm", "-f", "keeper");
});

test("namespaces of another container are entered; what cannot be shared is said", async () => {
  await engine.output("run", "-d", "--name", "donor", "--ipc", "shareable", "base", "sleep", "1000");
  const shared = ["--network", "container:donor", "--pid", "container:donor", "--ipc", "container:donor"];
  const look =
    "for n in ipc net pid; do readlink /proc/self/ns/$n; done; mount | grep -c /dev/shm; echo '== end'";
  const script = await engine.output("explain", "-f", "sh", "run", ...shared, "-t", "base", "sh", "-c", look);
  const { text, errors } = await outputOfScript(script, async () => {});
  const pid = (await engine.output("inspect", "-f", "{{.State.Pid}}", "donor")).trim();
  const links = ["ipc", "net", "pid"].map((name) => readlinkSync(`/proc/${pid}/ns/${name}`));
  expect(text).toBe(`${links.join("\n")}\n1\n== end\n`);
  expect(errors).toContain("note: what is at /dev/shm is another container's");
  expect(errors).toContain("note: a terminal of its own (-t)");
  await engine.output("rm", "-f", "donor");
});

test("what is masked is not in the script; it says so, and takes the values from who runs it", async () => {
  const flags = ["-e", "TOKEN=opensesame", "-v", `${scratch.path}/data/run-secrets:/run/secrets`];
  const words = [
    "explain",
    "--format",
    "sh",
    "run",
    ...flags,
    "base",
    "sh",
    "-c",
    'echo "got $TOKEN"; ls /run/secrets; echo "== end"',
  ];
  const masked = await engine.output(...words);
  expect(masked).not.toContain("opensesame");
  expect(masked).not.toContain("run-secrets");
  const refused = await outputOfScript(masked, async () => {});
  expect(refused.errors).toContain("what is mounted at /run/secrets is masked here: set SOURCE_");
  const [, variable = ""] = /set (SOURCE_\d+)/.exec(refused.errors) ?? [];
  const given = { TOKEN: "other words", [variable]: `${scratch.path}/data` };
  const { text, errors } = await outputOfScript(masked, async () => {}, given);
  expect(text).toStartWith("got other words\nfile\n");
  expect(errors).toContain("values of 1 environment variables are masked");
  const whole = await engine.output("explain", "--show-secrets", ...words.slice(1));
  expect(whole).toContain("env=TOKEN=opensesame");
  const spoken = ["run", "--network", "none", "-e", "PIN=q7", "base", "echo", "so", "xq7", "== end"];
  const asking = await engine.output("explain", "--format", "sh", ...spoken);
  expect(asking).not.toContain("q7");
  const silent = await outputOfScript(asking, async () => {});
  expect(silent.errors).toContain("word 3 of the command is masked here: set WORD_3 to it");
  const told = await outputOfScript(asking, async () => {}, { PIN: "q7", WORD_3: "my own" });
  expect(told.text).toBe("so my own == end\n");
});

test("links of an image lead nowhere on the host", async () => {
  await engine.output("run", "--name", "trap", "base", "sh", "-c", `rm -r /srv; ln -s ${scratch.path} /srv`);
  await engine.output("commit", "trap", "trapped");
  const script = await engine.output(
    "explain",
    "--format",
    "sh",
    "run",
    "-v",
    `${scratch.path}/data:/srv/in`,
    "trapped",
    "sh",
    "-c",
    `cat ${scratch.path}/in/file; echo "== end"`,
  );
  const { text, errors } = await outputOfScript(script, async () => {});
  expect(errors).toBe("");
  expect(text).toStartWith("bound\n");
  expect(readdirSync(scratch.path).sort()).toEqual(["data", "err", "out", "script.sh"]);
});

test("words of a container are words of the script, whatever a shell makes of such", async () => {
  const odd = `$(touch ${scratch.path}/PWNED) 'q' "d" \\ ; touch ${scratch.path}/PWNED;`.replaceAll("/", "_");
  const flags = [
    "-v",
    `${scratch.path}/data:/in ${odd}`,
    "-w",
    `/tmp/$tools ${odd}`,
    "-e",
    `ODD=${odd}`,
    "-h",
    "kitchen",
  ];
  // Lines that end a file within the script, and names that a shell runs.
  const lines = ["FIRST", "REST", "FUNCTIONS", "HELPER"].flatMap((name) => [
    `END_OF_${name}`,
    `touch ${scratch.path}/${name}`,
  ]);
  flags.push("-e", `LINES_OF=${lines.join("\n")}`, "-e", `A:-$(touch ${scratch.path}/NAMED)=1`);
  const group = ["--cgroup-parent", `/by-hand-$(id)-'q' ${process.pid}`];
  const program =
    'pwd; echo "$1"; echo "$ODD"; cat "/in $1/file"; [ "$2" = "$LINES_OF" ] && echo "$2"; echo "== end"';
  const words = ["sh", "-c", program, "-", odd, lines.join("\n")];
  const script = await engine.output(
    "explain",
    "--show-secrets",
    "-f",
    "sh",
    "run",
    "--network",
    "none",
    ...flags,
    ...group,
    "base",
    ...words,
  );
  const { text, errors } = await outputOfScript(script, async () => {});
  expect(errors).toBe("");
  expect(text).toBe(`/tmp/$tools ${odd}\n${odd}\n${odd}\nbound\n${lines.join("\n")}\n== end\n`);
  expect(readdirSync(scratch.path).sort()).toEqual(["data", "err", "out", "script.sh"]);
  const parents = readdirSync("/sys/fs/cgroup").filter((hierarchy) =>
    existsSync(`/sys/fs/cgroup/${hierarchy}${group[1]}`),
  );
  expect(parents).toEqual([]);
});

test("--init by hand: process 1 takes in orphans, passes signals on, and ends as the program does", async () => {
  const command =
    "(sleep 0.01 &); sleep 0.1; ps -o pid,stat,args; trap 'exit 9' USR1; kill -USR1 1; sleep 10 & wait";
  const script = await engine.output(
    "explain",
    "-f",
    "sh",
    "run",
    "--network",
    "none",
    "--init",
    "base",
    "sh",
    "-c",
    command,
  );
  writeFileSync(`${scratch.path}/script.sh`, script);
  const { exitCode, stdout } = Bun.spawnSync(["sh", `${scratch.path}/script.sh`]);
  expect(stdout.toString()).toMatch(/ 1 S .*perl/);
  expect(stdout.toString()).not.toContain("Z");
  expect(exitCode).toBe(9);
});

test("the program's exit code and its end are the script's", async () => {
  const script = await engine.output(
    "explain",
    "--format",
    "sh",
    "run",
    "--network",
    "none",
    "base",
    "sh",
    "-c",
    "exit 7",
  );
  writeFileSync(`${scratch.path}/script.sh`, script);
  expect(Bun.spawnSync(["sh", `${scratch.path}/script.sh`]).exitCode).toBe(7);
  const missing = await engine.output(
    "explain",
    "--format",
    "shell",
    "--lang",
    "zh",
    "run",
    "--network",
    "none",
    "base",
    "nosuch",
  );
  writeFileSync(`${scratch.path}/script.sh`, missing);
  const { exitCode, stderr } = Bun.spawnSync(["sh", `${scratch.path}/script.sh`]);
  expect([exitCode, stderr.toString()]).toEqual([
    127,
    expect.stringContaining("不能变成 nosuch:No such file"),
  ]);
});

test("the helper lets a control group of version 2 use the devices that its program lets through", () => {
  const group = [
    `/sys/fs/cgroup/unified/by-hand-test-${process.pid}`,
    `/sys/fs/cgroup/by-hand-test-${process.pid}`,
  ].find(
    (path) =>
      existsSync(`${dirname(path)}/cgroup.procs`) && existsSync(`${dirname(path)}/cgroup.controllers`),
  );
  if (group === undefined) throw new Error("this host has no control groups of version 2");
  writeFileSync(`${scratch.path}/helper.pl`, helperText(languages.en.say));
  const devices = deviceProgram([{ allow: true, type: "c", major: 1, minor: 3, access: "rwm" }]).toHex();
  mkdirSync(group);
  try {
    const machine = process.arch === "x64" ? "x86_64" : "aarch64";
    const attached = Bun.spawnSync([
      "perl",
      `${scratch.path}/helper.pl`,
      machine,
      `devices=${group}=${devices}`,
    ]);
    expect([attached.exitCode, attached.stderr.toString()]).toEqual([0, ""]);
    const tried = `echo 0 > ${group}/cgroup.procs; true < /dev/null && echo null; true < /dev/zero || echo not zero`;
    expect(Bun.spawnSync(["sh", "-c", tried]).stdout.toString()).toBe("null\nnot zero\n");
  } finally {
    rmdirSync(group);
  }
});

describe("what cannot be explained is said in one sentence", () => {
  const cases: readonly (readonly [string, string])[] = [
    ["explain nosuch", "Error response from daemon: No such container: nosuch"],
    ["trace nosuch", "Error response from daemon: No such container: nosuch"],
    ["explain exec nosuch true", "Error response from daemon: No such container: nosuch"],
    ["explain exec ended true", "Error response from daemon: container ID is not running"],
    ["explain exec ended", "tiffin: 'tiffin explain exec' requires a container and a command"],
    ["explain rm nosuch", "Error response from daemon: No such container: nosuch"],
    ["explain network nosuch", "Error response from daemon: network nosuch not found"],
    ["explain run nosuchimage", "Error response from daemon: No such image: nosuchimage:latest"],
    ["explain --diff run nosuch base true", "Error response from daemon: No such container: nosuch"],
    ["explain --diff rm ended", "--diff compares starts: 'tiffin explain rm' has none"],
    [
      "explain --diff -f sh ended ended",
      "Error response from daemon: a difference can be shown as text, markdown or json, not as sh",
    ],
    ["start --timings nosuch", "Error response from daemon: No such container: nosuch"],
  ];

  beforeAll(async () => {
    await engine.output("run", "--name", "ended", "--network", "none", "base", "true");
  });

  test.each(cases)("%s", async (line, wanted) => {
    const { exitCode, stdout, stderr } = await engine.cli(...line.split(" "));
    expect([exitCode, stdout]).toEqual([1, ""]);
    const [first = "", ...rest] = stderr.replace(/[0-9a-f]{64}/, "ID").split("\n");
    expect(first).toBe(wanted);
    // Neither a stack nor a place in the sources.
    expect(rest.join("\n")).not.toMatch(/\bat .*:\d+|\.ts\b/);
  });

  test("a container whose start this engine has not measured, as one before it started it", async () => {
    await engine.output("run", "-d", "--name", "older", "--network", "none", "base", "sleep", "1000");
    await engine.stop();
    await engine.start();
    expect(await engine.output("explain", "older")).toStartWith("Not measured: ");
    expect((await engine.cli("trace", "older")).stderr).toContain("was not measured by this engine");
    const timed = await engine.cli("start", "--timings", "ended");
    expect(timed.stderr).toMatch(/^PHASE +TIME +WHAT\nlookUp +[\d.]+ ms /);
  });
});

test("--debug: a failure is told with the operations around it, without secrets", async () => {
  const words = ["run", "--rm", "-e", "TOKEN=opensesame", "base", "opensesame"];
  const plain = await engine.cli(...words);
  const { exitCode, stderr } = await engine.cli("--debug", ...words);
  expect([exitCode, plain.exitCode]).toEqual([127, 127]);
  expect(stderr).toMatch(/\n {2} +\d+ {2}child +setsid .*\n> +\d+ {2}child +exec +\*\*\* .*: ENOENT\n/);
  expect(plain.stderr).not.toContain("setsid");
});
