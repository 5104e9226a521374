/**
 * SIGKILL of the engine at every step of making, joining, leaving and removing a network. Whatever the moment: the next engine
 * comes up, the container is in each network wholly or not at all, its others work, and after removal nothing is left.
 */
import { afterAll, expect, test } from "bun:test";
import { networkSteps } from "../../src/engine/network/mod.ts";
import type { TestEngine } from "../support/engine-harness.ts";
import { EngineOverAndOver } from "../support/engine-over-and-over.ts";

const sleeping = ["base", "sleep", "1000"];

const life = [
  ["network", "create", "second"],
  ["network", "connect", "second", "victim"],
  ["network", "disconnect", "first", "victim"],
  ["network", "disconnect", "second", "victim"],
  ["network", "rm", "second"],
] as const;

async function untilKilled(engine: TestEngine): Promise<void> {
  for (const words of life) {
    const { stderr } = await engine.cli(...words);
    if (stderr.includes("the connection to the engine was lost")) return;
    expect([words, stderr]).toEqual([words, ""]);
  }
  throw new Error("no step passed the failpoint");
}

const engines = new EngineOverAndOver();
afterAll(async () => await engines[Symbol.asyncDispose]());

for (const name of networkSteps) {
  test(`killed at ${name}: the container is in each network wholly or not at all, and nothing is left after removal`, async () => {
    await engines.with(async (engine, before) => {
      await engine.output("network", "create", "first");
      await engine.output("run", "-d", "--name", "victim", "--network", "first", ...sleeping);
      await engine.output("run", "-d", "--name", "friend", "--network", "first", ...sleeping);
      await engine.crash();
      await engine.start({ env: { TIFFIN_FAILPOINT: `${name}:kill` } });
      await untilKilled(engine);
      await engine.ended();
      await engine.start();
      const networks = "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}} {{end}}";
      const told = (await engine.output("inspect", "-f", networks, "victim"))
        .trim()
        .split(" ")
        .filter(Boolean);
      const links = (await engine.output("exec", "victim", "ls", "/sys/class/net")).split("\n");
      expect(links.length).toBe(1 + told.length);
      const members = await engine.output(
        "network",
        "inspect",
        "-f",
        "{{range .Containers}}{{.Name}} {{end}}",
        "first",
      );
      expect(members.includes("victim")).toBe(told.includes("first"));
      if (told.includes("first")) await engine.output("exec", "victim", "ping", "-c1", "-W2", "friend");
      // All of it can be done now.
      await engine.cli("network", "create", "second");
      if (!told.includes("second")) await engine.output("network", "connect", "second", "victim");
      await engine.output("network", "disconnect", "second", "victim");
      await engine.output("rm", "-f", "victim", "friend");
      await engine.output("network", "rm", "first", "second");
      expect(await engine.leftoversOfOthers(before)).toEqual([]);
    });
  });
}
