/**
 * An update that fails, wherever it does: limits, mounts and what is in them, networks, addresses, routes, published ports and all that
 * inspect shows are as they were.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { EngineFixture } from "../../test/support/engine-in-process.ts";
import { freePort } from "../../test/support/free-port.ts";
import { until } from "../../test/support/until.ts";
import type { ContainerUpdateBody } from "../docker/types/container.ts";
import { messageOf } from "../lib/errors.ts";
import { cgroupParentOf } from "./config.ts";
import { failpoints } from "./container/mod.ts";
import { networkSteps } from "./network/mod.ts";

const fixture = new EngineFixture();
const [port, other, third] = [freePort(), freePort(), freePort()];
const serve = "mkdir /a; echo page >/a/index.html; echo kept >/keep/file; exec httpd -f -p 80 -h /a";
const binding = (at: number) => [{ HostIp: "127.0.0.1", HostPort: String(at) }];

beforeAll(async () => {
  await fixture.open();
  const { networks } = fixture.engine;
  await networks.create({ Name: "inn" });
  await networks.create({ Name: "cellar" });
  const PortBindings = { "80/tcp": binding(port), "53/udp": binding(other) };
  const HostConfig = {
    NetworkMode: "bridge",
    PortBindings,
    Tmpfs: { "/keep": "", "/spare": "" },
    PidsLimit: 77,
  };
  await fixture.start(["sh", "-c", serve], { HostConfig, Volumes: { "/data": {} } }, "cook");
  await networks.connect("inn", { Container: "cook" });
  await until("the page", async () => (await page(port)) === "page\n");
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

async function page(at: number): Promise<string> {
  const options = { signal: AbortSignal.timeout(1000), keepalive: false };
  return await fetch(`http://127.0.0.1:${at}/`, options).then(
    async (answer) => await answer.text(),
    (thrown: unknown) => String(thrown),
  );
}

/** With every part that it can have. */
function everything(remove: readonly string[], join: readonly string[]): ContainerUpdateBody {
  return {
    Memory: 64 << 20,
    MemorySwap: 96 << 20,
    MemoryReservation: 32 << 20,
    CpuShares: 512,
    CpuPeriod: 50_000,
    CpuQuota: 25_000,
    CpusetCpus: "0",
    CpusetMems: "0",
    BlkioWeight: 300,
    PidsLimit: 55,
    RestartPolicy: { Name: "always" },
    Tiffin: {
      Labels: { half: "1" },
      Env: ["HALF=1"],
      Healthcheck: { Test: ["CMD", "true"] },
      Mounts: {
        Add: [
          { Type: "tmpfs", Target: "/new" },
          { Type: "volume", Target: "/fresh" },
        ],
        Remove: ["/keep", "/data"],
      },
      Ports: { Add: { "80/tcp": binding(third) }, Remove: ["53/udp"] },
      Networks: { Add: Object.fromEntries(join.map((name) => [name, {}])), Remove: [...remove] },
    },
  };
}

const variants: readonly (readonly [string, ContainerUpdateBody])[] = [
  ["every network is left", everything(["bridge", "inn"], [])],
  ["one network is joined and the others are left", everything(["inn", "bridge"], ["cellar"])],
];

function output(...command: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync([...command], { stderr: "pipe" });
  if (exitCode !== 0) throw new Error(`${command.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

/** What limits the group of process `pid`, in every hierarchy, by file. */
function limits(pid: number): Record<string, string> {
  const lines = readFileSync(`/proc/${pid}/cgroup`, "utf8").trim().split("\n");
  const allowed = readFileSync(`/proc/${pid}/status`, "utf8").match(/(Cpus|Mems)_allowed_list.*/g);
  const found: Record<string, string> = { allowed: String(allowed) };
  for (const line of lines) {
    const [, controllers = "", path = ""] = line.split(":");
    const mount =
      ["unified", ""].map((name) => `/sys/fs/cgroup/${controllers || name}`).find(existsSync) ?? "";
    // The first limit of this kind gives the container a group of its own; what it may use says the process.
    if (controllers === "cpuset") continue;
    if (!path.includes(cgroupParentOf(fixture.config.tag)) || !existsSync(mount + path)) continue;
    for (const file of readdirSync(mount + path)) {
      if (!/limit|shares|quota|period|max$|cpus$|mems$|weight|min$|low$|high$/.test(file)) continue;
      if (/usage|peak|failcnt|events|effective/.test(file)) continue;
      found[`${controllers}/${file}`] = readIfPossible(`${mount}${path}/${file}`);
    }
  }
  return found;
}

function readIfPossible(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

/** Without what counts, and without what the kernel numbers anew. */
async function look() {
  const { containers, volumes } = fixture.engine;
  const inspected = await containers.inspect("cook", { size: false });
  const pid = inspected.State.Pid;
  const within = (...command: readonly string[]): string =>
    output("nsenter", "-t", String(pid), "-n", ...command);
  const addresses = JSON.parse(within("ip", "-j", "addr")) as {
    readonly ifname: string;
    readonly address: string;
    readonly addr_info: readonly { readonly local: string; readonly prefixlen: number }[];
  }[];
  return {
    inspected,
    limits: limits(pid),
    mounts: readFileSync(`/proc/${pid}/mounts`, "utf8").split("\n").toSorted(),
    kept: readIfPossible(`/proc/${pid}/root/keep/file`),
    addresses: addresses
      .map(({ ifname, address, addr_info: all }) => [
        ifname,
        address,
        all.map(({ local, prefixlen }) => `${local}/${prefixlen}`).filter((text) => !text.startsWith("fe80")),
      ])
      .toSorted(),
    routes: within("ip", "route"),
    published: output("nft", "-s", "list", "table", "inet", `tiffin_${fixture.config.tag}`)
      .match(/(tcp|udp) \. 127\.0\.0\.1 \. \d+ : [0-9. ]+/g)
      ?.toSorted(),
    pages: [await page(port), await page(third)],
    volumes: (await volumes.list({})).Volumes.map(({ Name }) => Name).toSorted(),
  };
}

const steps = [...failpoints, ...networkSteps].filter((name) => /^(update|connect|disconnect)\./.test(name));

for (const [what, body] of variants) {
  describe(what, () => {
    const passed = steps.filter((step) => what.includes("joined") || !/join|^connect/.test(step));
    test.each(passed)("an update that fails at %s has changed nothing", async (step) => {
      await fixture.close();
      await fixture.open({ failpoint: `${step}:once` });
      const before = await look();
      const failed = await fixture.engine.containers.update("cook", body).then(
        () => "it did not fail",
        (thrown: unknown) => messageOf(thrown),
      );
      expect(failed).toContain(`failpoint ${step}`);
      expect(await look()).toEqual(before);
      await fixture.close();
      await fixture.open();
      expect(await look()).toEqual(before);
      expect(fixture.reported).toEqual([]);
    });
  });
}
