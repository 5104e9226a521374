/** What `update` changes of a container while it runs, beyond Docker's limits and policies. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { succeeds } from "../support/until.ts";

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  const options = ["--label", "course=first", "--label", "old=yes", "-e", "DISH=soup", "-e", "OLD=1"];
  await engine.output("run", "-d", "--name", "live", ...options, "base", "sleep", "1000");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

const output = async (...words: readonly string[]): Promise<string> => await engine.output(...words);

test("labels come, change and go; filters see them at once", async () => {
  const changes = ["--label-add", "course=second", "--label-add", "new", "--label-rm", "old"];
  expect(await output("update", ...changes, "live")).toBe("live");
  expect(JSON.parse(await output("inspect", "--format", "{{json .Config.Labels}}", "live"))).toEqual({
    course: "second",
    new: "",
  });
  expect(await output("ps", "--filter", "label=course=second", "--format", "{{.Names}}")).toBe("live");
  expect(await output("ps", "-q", "--filter", "label=old")).toBe("");
});

test("environment counts for later execs and for the next start, and the running program keeps its own", async () => {
  await output("update", "--env-add", "DISH=stew=hot", "--env-rm", "OLD", "live");
  expect(await output("exec", "live", "sh", "-c", "echo $DISH:$OLD")).toBe("stew=hot:");
  expect(await output("exec", "live", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ | grep DISH")).toBe(
    "DISH=soup",
  );
  expect(JSON.parse(await output("inspect", "--format", "{{json .Config.Env}}", "live"))).toContain(
    "DISH=stew=hot",
  );
  await output("restart", "-t", "0", "live");
  expect(
    await output("exec", "live", "sh", "-c", "tr '\\0' '\\n' </proc/1/environ | grep -E 'DISH|OLD'"),
  ).toBe("DISH=stew=hot");
});

test("a check of health begins, changes and ends while the container runs", async () => {
  const status = () =>
    output("inspect", "--format", "{{if .State.Health}}{{.State.Health.Status}}{{else}}none{{end}}", "live");
  const becomes = (wanted: string) => succeeds(async () => expect(await status()).toBe(wanted));
  expect(await status()).toBe("none");
  await output("update", "--health-cmd", "true", "--health-interval", "50ms", "live");
  await becomes("healthy");
  // What is not said stays: the interval.
  await output("update", "--health-cmd", "false", "--health-retries", "1", "live");
  await becomes("unhealthy");
  expect(await output("inspect", "--format", "{{json .Config.Healthcheck.Interval}}", "live")).toBe(
    "50000000",
  );
  await output("update", "--no-healthcheck", "live");
  await becomes("none");
});

test("all of it outlives the engine", async () => {
  await output("update", "--label-add", "kept=1", "--env-add", "KEPT=1", "live");
  await engine.crash();
  await engine.start();
  expect(await output("inspect", "--format", "{{.Config.Labels.kept}}", "live")).toBe("1");
  expect(await output("exec", "live", "sh", "-c", "echo $KEPT")).toBe("1");
});

test("what cannot be is refused, and then nothing has changed", async () => {
  await output("update", "--no-healthcheck", "live");
  const before = await output("inspect", "live");
  const refused = async (...flags: readonly string[]): Promise<string> => {
    const { exitCode, stderr } = await engine.cli("update", ...flags, "live");
    expect(exitCode).toBe(1);
    return stderr;
  };
  expect(await refused("--env-add", "NOVALUE")).toContain("--env-add wants NAME=value");
  expect(await refused("--env-add", "=x")).toContain("names no variable");
  expect(await refused("--label-add", "=x")).toContain("a label has no name");
  expect(await refused("--health-cmd", "true", "--no-healthcheck")).toContain("conflicts");
  expect(await refused("--label-add", "half=1", "--memory", "1k")).toContain("Minimum memory limit");
  expect(await output("inspect", "live")).toBe(before);
});

describe("mounts", () => {
  const inside = (command: string): Promise<string> => output("exec", "live", "sh", "-c", command);
  const source = temporaryDirectory("live-mounts");
  afterAll(() => source[Symbol.dispose]());

  test("a directory of the host, a volume and a tmpfs are attached to the running container, and taken off", async () => {
    writeFileSync(`${source.path}/menu`, "soup\n");
    const add = [
      ["--mount-add", `type=bind,source=${source.path},target=/host/dir,readonly`],
      ["--mount-add", "type=volume,source=stock,target=/etc/network"],
      ["--mount-add", "type=tmpfs,target=/quick"],
    ].flat();
    const before = await inside("cat /proc/1/mountinfo | wc -l");
    expect(await output("update", ...add, "live")).toBe("live");
    expect(await inside("cat /host/dir/menu; touch /host/dir/x 2>&1; touch /quick/x && ls /quick")).toBe(
      "soup\ntouch: /host/dir/x: Read-only file system\nx",
    );
    const { Mounts } = JSON.parse(await output("inspect", "--format", "{{json .}}", "live"));
    expect(Mounts.map(({ Destination, Type }: Record<string, string>) => [Type, Destination])).toEqual([
      ["bind", "/host/dir"],
      ["volume", "/etc/network"],
      ["tmpfs", "/quick"],
    ]);
    expect((await engine.cli("volume", "rm", "stock")).stderr).toContain("volume is in use");

    await output(
      "update",
      "--mount-rm",
      "/host/dir",
      "--mount-rm",
      "/etc/network",
      "--mount-rm",
      "/quick/",
      "live",
    );
    expect(await inside("cat /proc/1/mountinfo | wc -l")).toBe(before);
    expect(await output("volume", "rm", "stock")).toBe("stock");
  });

  test("a restart has them again", async () => {
    await output("update", "--mount-add", `type=bind,source=${source.path},target=/again`, "live");
    await output("restart", "-t", "0", "live");
    expect(await inside("cat /again/menu")).toBe("soup");
    await output("update", "--mount-rm", "/again", "live");
    await output("restart", "-t", "0", "live");
    expect(await inside("ls /again")).toBe("");
  });

  test("when one of them cannot be had, none has come", async () => {
    const before = await inside("cat /proc/1/mountinfo | wc -l");
    await inside("echo a file >/blocked");
    const add = [
      "--mount-add",
      "type=tmpfs,target=/first",
      "--mount-add",
      "type=tmpfs,target=/blocked/deeper",
    ];
    const failed = await engine.cli("update", ...add, "live");
    expect(failed).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("cannot attach the mount at /blocked/deeper"),
    });
    expect(await inside("cat /proc/1/mountinfo | wc -l")).toBe(before);

    const limited = await engine.cli(
      "update",
      "--mount-add",
      "type=tmpfs,target=/first",
      "--memory",
      "1k",
      "live",
    );
    expect(limited.exitCode).toBe(1);
    expect(await inside("cat /proc/1/mountinfo | wc -l")).toBe(before);
    for (const [flags, text] of [
      [["--mount-rm", "/nowhere"], "there is no mount at"],
      [["--mount-add", `type=bind,source=${source.path}/none,target=/x`], "bind source path does not exist"],
      [
        ["--mount-add", "type=tmpfs,target=/x", "--mount-add", "type=tmpfs,target=/x"],
        "Duplicate mount point: /x",
      ],
      [["--mount-add", "type=tmpfs,target=/proc/self"], "/proc"],
    ] as const) {
      expect((await engine.cli("update", ...flags, "live")).stderr).toContain(text);
    }
  });

  test("a path that leads out of the container leads nowhere else", async () => {
    await inside("ln -s /../../../../../../tmp /outward");
    await output("update", "--mount-add", "type=tmpfs,target=/outward/trap", "live");
    expect(await inside("grep -c ' /tmp/trap ' /proc/1/mountinfo")).toBe("1");
    expect(existsSync("/tmp/trap")).toBe(false);
  });

  test("what lies above another mount, or is not there any more, is refused before anything is done", async () => {
    const both = ["--mount-add", "type=tmpfs,target=/deep/er", "--mount-add", "type=tmpfs,target=/deep"];
    await output("update", ...both, "live");
    await inside("echo kept >/deep/er/file");
    const refused = async (...flags: readonly string[]): Promise<string> => {
      const { exitCode, stderr } = await engine.cli("update", "--label-add", "half=1", ...flags, "live");
      expect(exitCode).toBe(1);
      return stderr;
    };
    const below = "while the container has one below it, at /deep/er";
    expect(await refused("--mount-rm", "/deep")).toContain(below);
    await output("run", "-d", "--name", "above", "--tmpfs", "/a/b", "base", "sleep", "1000");
    expect((await engine.cli("update", "--mount-add", "type=tmpfs,target=/a", "above")).stderr).toContain(
      "at /a cannot be changed while the container has one below it, at /a/b",
    );
    // Whoever may do so has taken it off inside.
    const { State } = JSON.parse(await output("inspect", "--format", "{{json .}}", "above"));
    Bun.spawnSync(["nsenter", "-t", String(State.Pid), "-m", "umount", "/a/b"]);
    expect((await engine.cli("update", "--mount-rm", "/a/b", "above")).stderr).toContain(
      "nothing is mounted there any more",
    );
    expect(await inside("cat /deep/er/file")).toBe("kept");
    await output("update", "--mount-rm", "/deep", "--mount-rm", "/deep/er", "live");
    expect(await inside("ls -A /deep")).toBe("");
    await output("rm", "-f", "above");
  });
});
