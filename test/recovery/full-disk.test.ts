/**
 * A full file system below the engine's root: what has ended has ended, what is removed frees its room, nothing waits for
 * ever, and another engine can take over, before and after there is room again.
 */
import { expect, test } from "bun:test";
import { readdirSync, rmSync, writeFileSync } from "node:fs";
import type { TestEngine } from "../support/engine-harness.ts";
import { endSmallDisk, freeBytes, smallDiskEngine } from "../support/small-disk-engine.ts";
import { pause, until } from "../support/until.ts";

const mountBytes = 24 << 20;

async function fillUp(engine: TestEngine): Promise<void> {
  const trash = [`${engine.root}/trash`, `${engine.root}/volumes/.trash`];
  await until(
    "the end of all deletion",
    () => !engine.running || trash.every((directory) => readdirSync(directory).length === 0),
  );
  for (const size of [1 << 20, 64 << 10, 4096]) {
    for (let index = 0; freeBytes(engine) >= size; index += 1) {
      try {
        writeFileSync(`${engine.root}/filler-${size}-${index}-${performance.now()}`, new Uint8Array(size));
      } catch {
        break;
      }
    }
  }
  expect(freeBytes(engine)).toBeLessThan(4096);
}

async function within(engine: TestEngine, ...args: readonly string[]): Promise<string> {
  const limit = pause(30_000, "the limit of a wait").then(() => "in vain");
  return await Promise.race([engine.output(...args), limit]);
}

test("a container that fills the disk ends with its own exit code, is told as ended, and can be removed", async () => {
  const engine = await smallDiskEngine(mountBytes);
  try {
    const script = "dd if=/dev/zero of=/big bs=64k 2>/dev/null; sleep 1; exit 5";
    await engine.output("run", "-d", "--name", "fills", "base", "sh", "-c", script);
    expect(await within(engine, "wait", "fills")).toBe("5");
    expect(freeBytes(engine)).toBeLessThan(64 << 10);
    expect(await within(engine, "ps", "-a", "--format", "{{.Names}} {{.State}}")).toBe("fills exited");
    // The next engine knows it too.
    await engine.crash();
    await engine.start();
    expect(
      await within(engine, "inspect", "--format", "{{.State.Status}} {{.State.ExitCode}}", "fills"),
    ).toBe("exited 5");
    expect(await within(engine, "rm", "fills")).toBe("fills");
    await until("the room", () => freeBytes(engine) > 4 << 20);
    expect(await within(engine, "run", "--rm", "base", "echo", "again")).toBe("again");
    await engine.stop();
    await engine.start();
    expect(await within(engine, "ps", "-aq")).toBe("");
  } finally {
    await endSmallDisk(engine);
  }
}, 120_000);

test("a container whose log fills the disk can be stopped, read and removed", async () => {
  const engine = await smallDiskEngine(mountBytes);
  try {
    await engine.output(
      ...["run", "-d", "--name", "talks", "--log-opt", "max-size=100m", "base"],
      ...["sh", "-c", "trap 'exit 3' TERM; while :; do seq 1 20000; done"],
    );
    await until("a full disk", () => freeBytes(engine) < 4096);
    expect(await within(engine, "stop", "-t", "20", "talks")).toBe("talks");
    expect(await within(engine, "inspect", "--format", "{{.State.Status}}", "talks")).toBe("exited");
    expect(await within(engine, "logs", "-n", "1", "talks")).toMatch(/./);
    expect(await within(engine, "rm", "-f", "talks")).toBe("talks");
    await until("the room", () => freeBytes(engine) > 4 << 20);
    expect(await within(engine, "run", "--rm", "base", "echo", "again")).toBe("again");
  } finally {
    await endSmallDisk(engine);
  }
}, 120_000);

test("a commit for which there is no room leaves nothing, and is done when there is room", async () => {
  const engine = await smallDiskEngine(mountBytes);
  try {
    const script = "dd if=/dev/urandom of=/large bs=1M count=9 2>/dev/null; md5sum /large";
    const sum = await engine.output("run", "--name", "large", "base", "sh", "-c", script);
    const filler = `${engine.root}/filler`;
    const room = 6 << 20;
    writeFileSync(filler, new Uint8Array(freeBytes(engine) - room));
    const before = [readdirSync(`${engine.root}/layers`), await engine.output("images", "-aq")];
    const refused = await engine.cli("commit", "large", "kept");
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("no space left on device");
    await until("the room to be free again", () => freeBytes(engine) > room - (256 << 10));
    expect([readdirSync(`${engine.root}/layers`), await engine.output("images", "-aq")]).toEqual(before);
    rmSync(filler);
    await engine.output("commit", "large", "kept");
    await engine.output("rm", "large");
    expect(await within(engine, "run", "--rm", "kept", "md5sum", "/large")).toBe(sum);
  } finally {
    await endSmallDisk(engine);
  }
}, 60_000);

test("a copy in, and a volume's first content, for which there is no room are refused; done when there is room", async () => {
  const engine = await smallDiskEngine(mountBytes);
  try {
    const script = "mkdir /data; dd if=/dev/urandom of=/data/large bs=1M count=6 2>/dev/null";
    await engine.output("run", "--name", "large", "base", "sh", "-c", script);
    await engine.output("commit", "large", "kept");
    await engine.output("rm", "large");
    await engine.output("create", "--name", "gets", "base", "true");
    const source = `${engine.directory}/source`;
    writeFileSync(source, new Uint8Array(6 << 20).fill(7));
    const filler = `${engine.root}/filler`;
    writeFileSync(filler, new Uint8Array(freeBytes(engine) - (3 << 20)));
    for (const args of [
      ["cp", "-q", source, "gets:/copied"],
      ["create", "--name", "fills", "-v", "first:/data", "kept", "true"],
    ]) {
      const refused = await engine.cli(...args);
      expect({ exitCode: refused.exitCode, stdout: refused.stdout }).toEqual({ exitCode: 1, stdout: "" });
      expect(refused.stderr).toMatch(/no space left on device|cannot store volume first: no room is left/);
      if (args[0] === "cp") {
        // What has come is in the container, as with Docker; it goes with it.
        await engine.output("rm", "gets");
        await until("the room", () => freeBytes(engine) > 2 << 20);
      }
    }
    expect(await engine.output("ps", "-aq")).toBe("");
    await until("the room", () => freeBytes(engine) > 2 << 20);
    expect(readdirSync(`${engine.root}/volumes`)).toEqual([".trash"]);
    rmSync(filler);
    await engine.output(
      "create",
      "--name",
      "gets",
      "-v",
      "first:/data",
      "kept",
      "stat",
      "-c",
      "%s",
      "/data/large",
      "/copied",
    );
    await engine.output("cp", "-q", source, "gets:/copied");
    expect(await within(engine, "start", "-a", "gets")).toBe(`${6 << 20}\n${6 << 20}`);
  } finally {
    await endSmallDisk(engine);
  }
}, 60_000);

test("on a disk that stays full: stop, removal, refusal of what is new, and a restart of the engine", async () => {
  const engine = await smallDiskEngine(mountBytes);
  try {
    for (const name of ["one", "two", "three"]) {
      await engine.output("run", "-d", "--name", name, "-v", "/scratch", "base", "sleep", "1000");
    }
    await engine.output("run", "--name", "old", "base", "true");
    await fillUp(engine);
    expect(await within(engine, "stop", "-t", "0", "one")).toBe("one");
    expect(await within(engine, "rm", "-f", "-v", "two")).toBe("two");
    // What is done in the background may have freed some room in between: then it was rightly taken.
    let refused = { exitCode: 0, stdout: "", stderr: "" };
    for (let attempt = 0; attempt < 20 && refused.exitCode === 0; attempt += 1) {
      if (attempt > 0) await within(engine, "rm", "new");
      await fillUp(engine);
      refused = await engine.cli("create", "--name", "new", "base", "true");
    }
    expect(refused).toMatchObject({ exitCode: 1, stdout: "" });
    expect(refused.stderr).toContain("no room is left");
    expect(await engine.stop()).toBe(0);
    await fillUp(engine);
    await engine.start();
    expect(
      (await within(engine, "ps", "-a", "--format", "{{.Names}} {{.State}}")).split("\n").sort(),
    ).toEqual(["old exited", "one exited", "three running"].sort());
    expect(await within(engine, "rm", "-f", "-v", "one", "three", "old")).toBe("one\nthree\nold");
    expect(await within(engine, "ps", "-aq")).toBe("");
    for (const name of readdirSync(engine.root)) {
      if (name.startsWith("filler-")) Bun.spawnSync(["rm", `${engine.root}/${name}`]);
    }
    expect(await within(engine, "run", "--rm", "base", "echo", "again")).toBe("again");
    await engine.stop();
    await engine.start();
    expect(await within(engine, "ps", "-aq")).toBe("");
    expect(readdirSync(`${engine.root}/volumes`)).toEqual([".trash"]);
  } finally {
    await endSmallDisk(engine);
  }
}, 180_000);
