/** The engine as a service, under a systemd that is PID 1. */
import { describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdirSync } from "node:fs";
import { tiffinCommand } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

const inside = process.env["TIFFIN_VM_INIT"] === "systemd" && process.env["TIFFIN_BIN"] !== undefined;

function run(words: readonly string[]) {
  const done = Bun.spawnSync([...words], { stdin: "ignore" });
  return { exitCode: done.exitCode, said: `${done.stdout}${done.stderr}`.trim() };
}

const tiffin = (...words: readonly string[]) => run(tiffinCommand(...words));
const systemctl = (...words: readonly string[]) => run(["systemctl", ...words]);
const mainPid = (): string => systemctl("show", "-p", "MainPID", "--value", "tiffin.service").said;
const pidOf = (name: string): string => tiffin("inspect", "-f", "{{.State.Pid}}", name).said;

describe.skipIf(!inside)("on the small machine (skipped outside of it)", () => {
  test("install makes a service that is ready when systemctl says so", () => {
    mkdirSync("/etc/systemd/system", { recursive: true });
    appendFileSync("/etc/group", "tiffin:x:990:\n");
    expect(tiffin("system", "service", "install")).toMatchObject({ exitCode: 0 });
    expect(tiffin("system", "service", "status")).toEqual({
      exitCode: 0,
      said: "tiffin.socket: enabled, active\ntiffin.service: enabled, active",
    });
  });

  test("containers outlive a restart, a stop and a kill, and the next client finds them", async () => {
    expect(tiffin("run", "-d", "--name", "lasting", "base", "sleep", "10000")).toMatchObject({ exitCode: 0 });
    const pid = pidOf("lasting");
    expect(pid).toMatch(/^[1-9]\d*$/);
    expect(systemctl("restart", "tiffin.service")).toMatchObject({ exitCode: 0 });
    expect(pidOf("lasting")).toBe(pid);

    expect(systemctl("stop", "tiffin.service")).toMatchObject({ exitCode: 0 });
    expect(existsSync(`/proc/${pid}`)).toBe(true);
    expect(tiffin("system", "service", "status").exitCode).toBe(3);
    // The socket starts it.
    expect(pidOf("lasting")).toBe(pid);
    expect(tiffin("system", "service", "status").exitCode).toBe(0);

    const engine = mainPid();
    process.kill(Number(engine), "SIGKILL");
    await until("another engine", () => !["0", engine].includes(mainPid()));
    expect(pidOf("lasting")).toBe(pid);
  });

  test("uninstall takes the units away, and leaves what runs", () => {
    const pid = pidOf("lasting");
    expect(tiffin("system", "service", "uninstall")).toMatchObject({ exitCode: 0 });
    expect(existsSync("/etc/systemd/system/tiffin.service")).toBe(false);
    expect(existsSync("/etc/systemd/system/tiffin.socket")).toBe(false);
    expect(existsSync(`/proc/${pid}`)).toBe(true);
  });
});
