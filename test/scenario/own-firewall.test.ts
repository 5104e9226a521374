/** Containers on a host whose administrator wrote nftables rules that let nothing in: no rule of the engine's helps, names are answered within. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { until } from "../support/until.ts";

inOwnNetns(import.meta.path, () => {
  let engine: TestEngine;
  const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

  function nft(rules: string): void {
    const { stderr, exitCode } = Bun.spawnSync(["nft", rules]);
    if (exitCode !== 0) throw new Error(`nft ${rules}: ${stderr.toString()}`);
  }

  const closed =
    'add table inet mine; add chain inet mine in { type filter hook input priority 0; policy drop; }; add rule inet mine in iifname "lo" accept';
  const sleeping = ["base", "sleep", "1000"] as const;

  beforeAll(async () => {
    Bun.spawnSync(["ip", "link", "set", "lo", "up"]);
    engine = await startEngine();
    await output("network", "create", "yard");
    for (const name of ["soup", "cook"])
      await output("run", "-d", "--name", name, "--network", "yard", ...sleeping);
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  const finds = async (from: string): Promise<boolean> =>
    (await engine.cli("exec", from, "timeout", "1", "nslookup", "soup")).stdout.includes("Address: 172.");

  test("containers that run go on finding each other when the rules come, and ones that start then do from the start", async () => {
    expect(await finds("cook")).toBe(true);
    nft(closed);
    await until("the one that runs is answered within", () => finds("cook"));
    await output("run", "-d", "--name", "late", "--network", "yard", ...sleeping);
    expect(await finds("late")).toBe(true);
    await engine.crash();
    await engine.start();
    expect([await finds("cook"), await finds("late")]).toEqual([true, true]);
  });

  test("the host stays closed to containers", async () => {
    const server = Bun.serve({ hostname: "0.0.0.0", port: 0, fetch: () => new Response("host secret") });
    try {
      const ask = `printf 'GET / HTTP/1.0\\r\\n\\r\\n' | nc -w 1 $(ip route | grep default | cut -d' ' -f3) ${server.port}`;
      expect((await engine.cli("exec", "cook", "sh", "-c", ask)).stdout).toBe("");
    } finally {
      await server.stop(true);
    }
  });

  test("rules that go while no engine runs leave nobody with a server that is gone", async () => {
    await engine.crash();
    nft("delete table inet mine");
    await engine.start();
    await until("who was answered within is answered again", () => finds("cook"));
    nft(closed);
    await until("and within again", () => finds("cook"));
  });

  test("without the rules names are answered by the host again, to those that start then", async () => {
    nft("delete table inet mine");
    await output("run", "-d", "--name", "later", "--network", "yard", ...sleeping);
    for (const name of ["cook", "late", "later"]) expect([name, await finds(name)]).toEqual([name, true]);
  });
});
