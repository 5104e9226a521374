/**
 * The package on a Debian of its own, from installation to purge: a machine that systemd boots, in a privileged container of the engine
 * under test. What a machine keeps over a reboot is its root file system and the volume below /var/lib; all else begins anew.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { copyFileSync } from "node:fs";
import { makeDebAlone, makeTarballAlone } from "../../tools/package/package.ts";
import { type CommandResult, startEngine, type TestEngine } from "../support/engine-harness.ts";
import { tryPeer } from "../support/run-peer.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const isBuilt = process.env["TIFFIN_BIN"] !== undefined;
const debian = isBuilt
  ? await tryPeer(["bash", `${import.meta.dir}/../../tools/debian-root.sh`, "systemd"])
  : undefined;
const possible = debian?.code === 0;
const why = "(skipped without the built program, debootstrap or a Debian mirror)";

const packages = temporaryDirectory("debian-service");
let engine: TestEngine;
let before: readonly string[];

/** A command on the machine. */
const there = (...words: string[]): Promise<CommandResult> => engine.cli("exec", "machine", ...words);

/** What it prints, where it must succeed. */
async function output(...words: string[]): Promise<string> {
  const { exitCode, stdout, stderr } = await there(...words);
  if (exitCode !== 0) throw new Error(`${words.join(" ")}: exit ${exitCode}: ${stderr}${stdout}`);
  return stdout.trim();
}

const apt = (...words: string[]): Promise<string> =>
  output("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "-qq", "-y", ...words);
const state = (name: string): Promise<string> =>
  output("tiffin", "inspect", "-f", "{{.State.Status}} {{.State.Pid}}", name);
const version = (): Promise<string> => output("sh", "-c", "dpkg-query -s tiffin | sed -n 's/^Version: //p'");
const enginePid = (): Promise<string> =>
  output("systemctl", "show", "-p", "MainPID", "--value", "tiffin.service");

/** Files, links, tables of the firewall and control groups, but for what systemd, dpkg and apt note for themselves. */
async function whatThereIs(): Promise<string[]> {
  const files = await output("find", "/etc", "/usr", "/var", "/root", "/home", "/run");
  const others = await output(
    "sh",
    "-c",
    "ls /sys/class/net; nft list tables; find /sys/fs/cgroup -type d -name tiffin",
  );
  const notes =
    /^\/(?:var\/(?:lib\/(?:dpkg|apt|systemd)|cache|log|tmp\/systemd-private)|run\/(?:systemd|udev|log|lock|credentials)|etc\/g?(?:shadow|roup)-$|usr\/share\/info)/;
  return [...files.split("\n"), ...others.split("\n")].filter((line) => !notes.test(line)).sort();
}

/** One that does not listen to SIGTERM. */
const sleeper = (name: string, ...options: string[]): Promise<string> =>
  output("tiffin", "run", "-d", "--name", name, "--stop-timeout", "1", ...options, "base", "sleep", "100000");

async function booted(): Promise<void> {
  await until(
    "systemd has started everything",
    async () => (await there("systemctl", "is-system-running")).stdout.trim() === "running",
  );
}

beforeAll(async () => {
  if (!possible) return;
  const options = { out: packages.path, packing: "fast" } as const;
  await makeDebAlone({ ...options, version: "1.0.0" });
  await makeDebAlone({ ...options, version: "1.1.0" });
  const tarball = await makeTarballAlone({ ...options, version: "1.2.0" });
  copyFileSync(tarball, `${packages.path}/tiffin.tar.gz`);
  engine = await startEngine();
  await engine.output(
    ...[
      "import",
      "-c",
      'ENTRYPOINT ["/sbin/init"]',
      "-c",
      "STOPSIGNAL SIGRTMIN+3",
      "-c",
      "ENV container=tiffin",
    ],
    ...[debian.stdout.trim(), "debian-that-boots"],
  );
  await engine.output(
    ...["run", "-d", "--name", "machine", "--privileged", "--cgroupns", "private"],
    ...["--tmpfs", "/run", "--tmpfs", "/tmp", "-v", "/var/lib", "-v", `${packages.path}:/packages:ro`],
    "debian-that-boots",
  );
  await booted();
  before = await whatThereIs();
}, 240_000);
afterAll(async () => {
  if (possible) await engine[Symbol.asyncDispose]();
  packages[Symbol.dispose]();
}, 60_000);

test.skipIf(!possible)(`apt installs it, systemd runs it, and a container says hello ${why}`, async () => {
  await apt("install", "/packages/tiffin_1.0.0_amd64.deb");
  expect(await output("systemctl", "is-enabled", "tiffin.socket", "tiffin.service")).toBe("enabled\nenabled");
  expect(await output("systemctl", "is-active", "tiffin.socket", "tiffin.service")).toBe("active\nactive");
  expect(await version()).toBe("1.0.0");
  expect(await output("tiffin", "run", "--rm", "base", "echo", "hello")).toBe("hello");
  expect(await output("stat", "-c", "%U:%G %a", "/run/tiffin.sock")).toBe("root:tiffin 660");
});

test.skipIf(!possible)(
  `containers outlive a restart, a stop and a kill of the service ${why}`,
  async () => {
    await output(
      "tiffin",
      "run",
      "-d",
      "--name",
      "lasting",
      "-p",
      "8080:80",
      "base",
      "httpd",
      "-f",
      "-p",
      "80",
    );
    const lasting = await state("lasting");
    expect(lasting).toMatch(/^running [1-9]\d*$/);

    await output("systemctl", "restart", "tiffin.service");
    expect(await state("lasting")).toBe(lasting);

    await output("systemctl", "stop", "tiffin.service");
    // The first client has the socket start it again.
    expect(await state("lasting")).toBe(lasting);

    const killed = await enginePid();
    await output("sh", "-c", `kill -KILL ${killed}`);
    await until("another engine", async () => !["0", killed].includes(await enginePid()));
    expect(await state("lasting")).toBe(lasting);
  },
  120_000,
);

test.skipIf(!possible)(
  `a reload takes over the configuration in the engine that runs ${why}`,
  async () => {
    const running = await enginePid();
    const file = "/etc/tiffin/tiffin.json";
    await output("cp", file, "/root/tiffin.json");
    await output("sh", "-c", `echo '{"registry-mirrors": ["https://mirror.example"]}' > ${file}`);
    await output("systemctl", "reload", "tiffin.service");
    await until("the mirror is known", async () =>
      (await output("tiffin", "info", "-f", "{{json .RegistryConfig}}")).includes("https://mirror.example"),
    );
    expect(await enginePid()).toBe(running);
    await output("sh", "-c", `echo '{"registry-mirror": []}' > ${file}`);
    await output("systemctl", "reload", "tiffin.service");
    await until("the journal names what it does not know", async () =>
      (await output("journalctl", "-u", "tiffin.service", "-o", "cat")).includes('"registry-mirror"'),
    );
    expect(await enginePid()).toBe(running);
    await output("mv", "/root/tiffin.json", file);
  },
  120_000,
);

test.skipIf(!possible)(
  `after a reboot, and after a loss of power, policies are as Docker's ${why}`,
  async () => {
    const policies = [
      ["always", "always"],
      ["unless-stopped", "unless-stopped"],
      ["no", "no"],
      ["stopped-always", "always"],
      ["stopped-unless-stopped", "unless-stopped"],
    ] as const;
    for (const [name, policy] of policies) {
      await sleeper(name, "--restart", policy);
    }
    await output("tiffin", "stop", "stopped-always", "stopped-unless-stopped");
    const farewell = 'trap "exit 44" TERM; while :; do sleep 0.1; done';
    await output("tiffin", "run", "-d", "--name", "polite", "base", "sh", "-c", farewell);
    const statuses = async (): Promise<Record<string, string | undefined>> =>
      Object.fromEntries(
        await Promise.all(policies.map(async ([name]) => [name, (await state(name)).split(" ")[0]] as const)),
      );
    const wanted = {
      always: "running",
      "unless-stopped": "running",
      no: "exited",
      "stopped-always": "running",
      "stopped-unless-stopped": "exited",
    };
    for (const ending of [["stop", "-t", "60"], ["kill"]] as const) {
      await engine.output(...ending, "machine");
      await engine.output("start", "machine");
      await booted();
      await until("all containers are as their policies say", async () =>
        Bun.deepEquals(await statuses(), wanted),
      );
      expect(await output("systemctl", "--failed", "--no-legend")).toBe("");
      // It was asked to end when the machine was, and had the time that it needed.
      expect(await output("tiffin", "inspect", "-f", "{{.State.ExitCode}}", "polite")).toBe("44");
      await output("tiffin", "stop", "stopped-always");
    }
    await output("tiffin", "rm", "-f", "lasting", "polite", ...policies.map(([name]) => name));
  },
  240_000,
);

test.skipIf(!possible)(
  `an upgrade leaves containers running, what is too old is refused ${why}`,
  async () => {
    await sleeper("lasting");
    const lasting = await state("lasting");
    const older = await enginePid();
    await apt("install", "/packages/tiffin_1.1.0_amd64.deb");
    expect(await version()).toBe("1.1.0");
    expect(await enginePid()).not.toBe(older);
    expect(await state("lasting")).toBe(lasting);
    expect(await output("tiffin", "exec", "lasting", "echo", "still here")).toBe("still here");

    await output("systemctl", "stop", "tiffin.socket", "tiffin.service");
    const database = "/var/lib/tiffin/tiffin.db";
    await output("cp", "-a", database, "/root/tiffin.db");
    await output("sh", "-c", `printf '\\377' | dd of=${database} bs=1 seek=62 conv=notrunc status=none`);
    const refused = await there("dpkg", "-i", "/packages/tiffin_1.0.0_amd64.deb");
    expect(refused.exitCode).not.toBe(0);
    expect(refused.stderr).toContain("was written by a newer Tiffin");
    expect(await version()).toBe("1.1.0");
    await output("mv", "/root/tiffin.db", database);
    await output("systemctl", "start", "tiffin.socket", "tiffin.service");
    expect(await state("lasting")).toBe(lasting);
  },
  120_000,
);

test.skipIf(!possible)(
  `removed it leaves its state, purged it leaves nothing ${why}`,
  async () => {
    const [, pid = ""] = (await state("lasting")).split(" ");
    await output("tiffin", "volume", "create", "pantry");
    await output("tiffin", "network", "create", "canteen");
    await apt("remove", "tiffin");
    expect((await there("test", "-d", `/proc/${pid}`)).exitCode).toBe(1);
    expect((await there("systemctl", "cat", "tiffin.service")).exitCode).not.toBe(0);
    await apt("install", "/packages/tiffin_1.1.0_amd64.deb");
    expect(await output("tiffin", "ps", "-a", "--format", "{{.Names}}")).toBe("lasting");
    expect(await output("tiffin", "volume", "ls", "-q")).toBe("pantry");
    expect(await output("systemctl", "is-enabled", "tiffin.socket", "tiffin.service")).toBe(
      "enabled\nenabled",
    );
    await output("tiffin", "start", "lasting");
    // Without the service a client starts an engine of its own, which goes with the package all the same.
    await output("systemctl", "stop", "tiffin.socket", "tiffin.service");
    expect(await output("tiffin", "ps", "--format", "{{.Names}}")).toBe("lasting");
    expect(await enginePid()).toBe("0");
    await apt("purge", "tiffin");
    expect((await there("sh", "-c", "cat /proc/[0-9]*/comm | grep -x tiffin")).stdout).toBe("");
    expect(await whatThereIs()).toEqual([...before]);
  },
  120_000,
);

test.skipIf(!possible)(
  `the tarball becomes a service by itself, and goes again ${why}`,
  async () => {
    await output("tar", "-C", "/opt", "-xf", "/packages/tiffin.tar.gz", "usr/bin");
    const program = "/opt/usr/bin/tiffin";
    await output("groupadd", "--system", "tiffin");
    await output(program, "system", "service", "install");
    expect(await output("systemctl", "is-active", "tiffin.socket", "tiffin.service")).toBe("active\nactive");
    expect(await output(program, "run", "--rm", "base", "echo", "hello")).toBe("hello");
    await output(program, "system", "service", "uninstall");
    await output(program, "daemon", "--uninstall");
    await output("groupdel", "tiffin");
    await output("rm", "-r", "/var/lib/tiffin");
    expect(await whatThereIs()).toEqual([...before]);
  },
  120_000,
);
