/** Docker and Tiffin on one machine, the same project of compose on both: neither disturbs the other, whoever comes or goes first. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { dockerdWithBaseOf } from "../support/docker-stage.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { goPrograms } from "../support/go-programs.ts";
import { inOwnNetns } from "../support/in-own-netns.ts";
import { outcomeOf } from "../support/outcome.ts";
import { hasDockerd, type OwnDockerd } from "../support/own-dockerd.ts";
import { runPeer } from "../support/run-peer.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const programs = goPrograms();

const project = `
services:
  web:
    image: base
    init: true
    command: sh -c 'mkdir /w; echo $WHOSE > /w/whose; exec httpd -f -p 80 -h /w'
    ports: ["127.0.0.1::80"]
    volumes: ["shelf:/shelf"]
  client: { image: base, init: true, command: sleep 600 }
volumes: { shelf: {} }
`;

if ("missing" in programs) test.skip(`two engines: all of it (${programs.missing})`, () => {});
else if (!hasDockerd) test.skip("two engines: all of it (no dockerd is installed)", () => {});
else {
  const composeProgram = programs.path("docker-compose");
  inOwnNetns(import.meta.path, () => {
    let engine: TestEngine;
    let dockerd: OwnDockerd;
    let directory: TemporaryDirectory;

    beforeAll(async () => {
      await runPeer(["ip", "link", "set", "lo", "up"]);
      engine = await startEngine();
      dockerd = await dockerdWithBaseOf(engine, { firewall: true });
      directory = temporaryDirectory("two-engines");
      writeFileSync(`${directory.path}/compose.yaml`, project);
    });
    afterAll(async () => {
      await dockerd[Symbol.asyncDispose]();
      await engine[Symbol.asyncDispose]();
      directory[Symbol.dispose]();
    });

    const hostOf = { docker: () => `unix://${dockerd.socket}`, tiffin: () => engine.host };
    type Whose = keyof typeof hostOf;

    async function compose(whose: Whose, ...words: readonly string[]): Promise<string> {
      const child = Bun.spawn([composeProgram, "-p", "lunch", ...words], {
        cwd: directory.path,
        env: { ...process.env, DOCKER_HOST: hostOf[whose](), WHOSE: whose },
        stdin: "ignore",
        stdout: "pipe",
        stderr: "pipe",
      });
      const { code, stdout, stderr } = await outcomeOf(child);
      expect({ words, code, stderr: code === 0 ? "" : stderr }).toEqual({ words, code: 0, stderr: "" });
      return stdout.trim();
    }
    const up = (whose: Whose) => compose(whose, "up", "-d");
    const down = (whose: Whose) => compose(whose, "down", "-v", "-t", "0");

    /** From the host by the published port, and from within by the name. */
    async function serves(whose: Whose): Promise<void> {
      const published = `http://${await compose(whose, "port", "web", "80")}/whose`;
      await until(`${whose} to answer at its port`, async () => {
        const answer = await fetch(published).catch(() => undefined);
        return answer?.ok === true && (await answer.text()) === `${whose}\n`;
      });
      expect(await compose(whose, "exec", "-T", "client", "wget", "-q", "-O", "-", "http://web/whose")).toBe(
        whose,
      );
    }

    /** All rules of both, without what counts; those by which we let our bridges through a foreign chain are ours. */
    async function rulesOf(whose: Whose): Promise<string[]> {
      const table = `tiffin_${engine.tag}`;
      if (whose === "tiffin") {
        const listed = await runPeer(["nft", "list", "table", "inet", table]);
        return listed.split("\n").map((line) => line.replace(/counter packets \d+ bytes \d+/, "counter"));
      }
      const saved = `${await runPeer(["iptables-save"])}`;
      return saved
        .split("\n")
        .filter((line) => !line.startsWith("#") && !line.includes(`tf${engine.tag}`))
        .map((line) => line.replace(/\[\d+:\d+\]/, ""));
    }
    const volumesOf = (whose: Whose) => compose(whose, "volumes", "-q");

    test("ours comes to a machine where Docker's is at work, and goes: Docker's rules, ports and names are as they were", async () => {
      await up("docker");
      await serves("docker");
      const before = await rulesOf("docker");
      await up("tiffin");
      await serves("tiffin");
      await serves("docker");
      expect(await rulesOf("docker")).toEqual(before);
      await down("tiffin");
      await serves("docker");
      expect(await rulesOf("docker")).toEqual(before);
      expect(await volumesOf("docker")).toBe("lunch_shelf");
    });

    test("Docker's goes and comes while ours is at work: ours goes on", async () => {
      await up("tiffin");
      const before = await rulesOf("tiffin");
      await down("docker");
      await serves("tiffin");
      expect(await rulesOf("tiffin")).toEqual(before);
      await up("docker");
      await serves("docker");
      await serves("tiffin");
      expect(await rulesOf("tiffin")).toEqual(before);
      await down("tiffin");
      await down("docker");
    });
  });
}
