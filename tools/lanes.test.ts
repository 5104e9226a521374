import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { batches, laneOf, scopedModules, sharedThingIn, testFiles } from "./lanes.ts";

const project = join(import.meta.dir, "..");

test("every test file is in one batch of one lane", () => {
  const lanes = (["machines", "host", "apart"] as const).flatMap((lane) => batches(project, lane).flat());
  expect(lanes.sort()).toEqual(testFiles(project));
});

test("the runtime's tests, the kernel's and the host's network are not beside others; those of an engine's own are", () => {
  const lanes = [
    "test/runtime/lifecycle.test.ts",
    "src/kernel/cgroup.test.ts",
    "test/scenario/networks.test.ts",
    "test/vm/vm.test.ts",
    "test/recovery/kill.test.ts",
    "src/engine/network/networks.test.ts",
  ].map((file) => laneOf(project, file));
  expect(lanes).toEqual(["host", "host", "host", "machines", "apart", "apart"]);
});

test.each([
  ['readdirSync("/proc")', "all processes of the host"],
  ["const names = readdirSync(`/proc`)", "all processes of the host"],
  ['Bun.spawnSync(["ip", "link", "del", "br0"])', "the host's links, addresses and firewall"],
  ['run("nft", "list", "ruleset")', "the host's links, addresses and firewall"],
  ['const built = join(project, "dist", "tiffin-runtime");', "the resident helper of tiffin-runtime"],
  ['"unix:///var/run/docker.sock"', "the socket of the machine's own engine"],
  ['readFileSync("/proc/loadavg", "utf8")', "how busy the host is"],
])("%s is about the whole host", (line, what) => {
  expect(sharedThingIn(line)).toBe(what);
});

test.each([
  ['await engine.output("exec", "web", "ls", "/sys/class/net")'],
  [`readFileSync("/proc/self/comm", "utf8")`],
  ['import { inOwnNetns } from "../../../test/support/in-own-netns.ts";\nBun.spawnSync(["iptables", "-S"])'],
])("%s is about nobody else", (text) => {
  expect(sharedThingIn(text)).toBeUndefined();
});

test("a module that may look at the whole host does so", () => {
  for (const module of scopedModules)
    expect(sharedThingIn(readFileSync(join(project, module), "utf8"))).toBeDefined();
});
