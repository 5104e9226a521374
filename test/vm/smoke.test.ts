/**
 * The first hour with Tiffin on a kernel other than this machine's, short enough for emulation: run, exec, logs, stop,
 * network, limits, a user namespace. Meant for `boot.sh --kernel 6.1`; skipped elsewhere, where test/scenario says
 * all of it and more.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { succeeds } from "../support/until.ts";

const inside = process.env["TIFFIN_VM"] === "1";
let engine: TestEngine;

const output = async (...args: readonly string[]): Promise<string> => await engine.output(...args);

/** The answer of a server that may still be starting. */
async function page(url: string): Promise<string> {
  return await succeeds(
    async () => await (await fetch(url, { signal: AbortSignal.timeout(2000), keepalive: false })).text(),
  );
}

describe.skipIf(!inside)("on the small machine (skipped outside of it)", () => {
  beforeAll(async () => {
    engine = await startEngine();
  });
  afterAll(async () => {
    await engine[Symbol.asyncDispose]();
  });

  test("it has a pure cgroup v2 hierarchy", () => {
    expect(readFileSync("/sys/fs/cgroup/cgroup.controllers", "utf8").split(/\s+/)).toContain("memory");
  });

  test("run: output and exit code, and --rm leaves nothing", async () => {
    expect(await output("run", "--rm", "base", "echo", "hello")).toBe("hello");
    expect((await engine.cli("run", "--rm", "base", "sh", "-c", "exit 7")).exitCode).toBe(7);
    expect(await output("ps", "-aq")).toBe("");
  });

  test("a server: published port, exec, logs, stop", async () => {
    const port = freePort();
    const serve = "echo up; mkdir /www; echo page > /www/index.html; exec httpd -f -p 80 -h /www";
    await output("run", "-d", "--init", "--name", "web", "-p", `${port}:80`, "base", "sh", "-c", serve);
    expect(await page(`http://127.0.0.1:${port}/`)).toBe("page\n");
    const address = await output("inspect", "--format", "{{.NetworkSettings.IPAddress}}", "web");
    expect(await output("run", "--rm", "base", "wget", "-qO-", `http://${address}/`)).toBe("page");
    expect(await engine.cli("exec", "web", "sh", "-c", "hostname -i; exit 3")).toEqual({
      stdout: `${address}\n`,
      stderr: "",
      exitCode: 3,
    });
    expect(await output("logs", "web")).toBe("up");
    await output("stop", "web");
    expect(await output("inspect", "--format", "{{.State.ExitCode}}", "web")).toBe("143");
  });

  test("limits: memory and processes", async () => {
    const hungry = ["run", "--rm", "-m", "16m", "--memory-swap", "16m", "base", "tail", "/dev/zero"];
    expect((await engine.cli(...hungry)).exitCode).toBe(137);
    const forks = "for i in 1 2 3 4 5 6; do sleep 1 & done; wait";
    const refused = await engine.cli("run", "--rm", "--pids-limit", "4", "base", "sh", "-c", forks);
    expect(refused.stderr).toContain("can't fork");
  });

  test("a user namespace shows the layers with its own owners", async () => {
    const script = "touch /made; stat -c %u /made /bin/busybox; cut -c1-22 /proc/self/uid_map | tr -s ' '";
    const seen = await output("run", "--rm", "--userns", "private", "base", "sh", "-c", script);
    expect(seen).toMatch(/^0\n0\n 0 [1-9]\d{4,}/);
  });
});
