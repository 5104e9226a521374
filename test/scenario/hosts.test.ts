/** Hosts on which something is missing that an engine or a container needs: what is done without it, and what is refused. */
import { describe, expect, test } from "bun:test";
import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { cgroupParentOf, tagOfRoot } from "../../src/engine/config.ts";
import { probe } from "../../src/kernel/probe.ts";
import { v1Hierarchy } from "../../src/linux/host-facts.ts";
import { startEngine, tiffinCommand } from "../support/engine-harness.ts";

const { cgroup } = probe();
const makesDevice = ["run", "--rm", "base", "sh", "-c", "mknod /x b 7 0; dd if=/x of=/dev/null count=1"];

/** What an engine says that does not start, and what it has left. */
function refusedBy(...wrapper: readonly string[]): { readonly said: string; readonly left: string[] } {
  const place = mkdtempSync("/tmp/tiffin-test-hosts-");
  try {
    const words = ["--root", `${place}/root`, "--run", `${place}/run`, "--host", `unix://${place}/sock`];
    const { stderr, exitCode } = Bun.spawnSync([...wrapper, ...tiffinCommand("daemon", ...words)]);
    expect(exitCode).toBe(1);
    return { said: stderr.toString(), left: readdirSync(place) };
  } finally {
    rmSync(place, { recursive: true });
  }
}

test("an engine without the rights of root says which, and makes nothing", () => {
  const capabilities = refusedBy("setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin");
  expect(capabilities).toEqual({
    said: "tiffin daemon: cannot run the engine: user 0 lacks CAP_SYS_ADMIN (start it with all rights of root)\n",
    left: [],
  });
});

test.each([
  ["--root", "file", "cannot make the directory PLACE/file: there is something else of that name"],
  [
    "--run",
    "file/below",
    "cannot make the directory PLACE/file/below: something on the way there is no directory",
  ],
  ["--host", "unix:PLACE/none/s", "cannot listen on PLACE/none/s: there is no directory PLACE/none"],
])(
  "%s %s: what cannot be is said, with the way out, and nothing is left on the host",
  (option, value, said) => {
    const place = mkdtempSync("/tmp/tiffin-test-hosts-");
    try {
      writeFileSync(`${place}/file`, "");
      const given = { "--root": `${place}/root`, "--run": `${place}/run`, "--host": `unix://${place}/sock` };
      const wanted = option === "--host" ? value.replace("PLACE", `//${place}`) : `${place}/${value}`;
      const words = Object.entries({ ...given, [option]: wanted }).flat();
      const { stderr, exitCode } = Bun.spawnSync(tiffinCommand("daemon", ...words));
      expect(exitCode).toBe(125);
      expect(stderr.toString().replaceAll(place, "PLACE")).toStartWith(`tiffin daemon: ${said} (`);
      const tag = tagOfRoot(`${place}/root`);
      expect(readdirSync("/sys/class/net").filter((link) => link.startsWith(`tf${tag}`))).toEqual([]);
      const group = cgroupParentOf(tag);
      expect(
        [...cgroup.v1, ...(cgroup.v2 === null ? [] : [cgroup.v2])].filter(({ mountPoint }) =>
          existsSync(`${mountPoint}${group}`),
        ),
      ).toEqual([]);
    } finally {
      rmSync(place, { recursive: true });
    }
  },
);

test("an engine that sees no control groups says so, and makes nothing", () => {
  const top = cgroup.v1[0]?.mountPoint ?? cgroup.v2?.mountPoint ?? "";
  const all = existsSync("/sys/fs/cgroup") ? "/sys/fs/cgroup" : top;
  expect(refusedBy("unshare", "-m", "sh", "-ec", `umount -R ${all}; exec "$@"`, "sh")).toEqual({
    said: "tiffin daemon: cannot run the engine: no control group hierarchy is mounted in its mount namespace (mount one: mount -t cgroup2 none /sys/fs/cgroup)\n",
    left: [],
  });
});

describe.skipIf(cgroup.mode !== "hybrid")(
  "hybrid control groups (skipped where there is one hierarchy)",
  () => {
    const placeOf = (controller: string) => v1Hierarchy(cgroup, controller)?.mountPoint ?? "";

    test("without the memory controller a container runs, and what cannot be limited is told once", async () => {
      await using engine = await startEngine({ mounts: `umount ${placeOf("memory")}` });
      expect(await engine.output("run", "--rm", "base", "echo", "hello")).toBe("hello");
      const { exitCode, stdout, stderr } = await engine.cli(
        "run",
        "--rm",
        "-m",
        "64m",
        "base",
        "echo",
        "hello",
      );
      expect([exitCode, stdout]).toEqual([0, "hello\n"]);
      expect(stderr).toBe(
        "WARNING: Your kernel does not support swap limit capabilities or the cgroup is not mounted. Memory limited without swap.\n" +
          "WARNING: Your kernel does not support the memory cgroup or the cgroup is not mounted. Limits of it are discarded.\n",
      );
    });

    test("without the devices controller a program keeps devices away", async () => {
      await using engine = await startEngine({ mounts: `umount ${placeOf("devices")}` });
      const { stdout, stderr } = await engine.cli(...makesDevice);
      expect([stdout, stderr]).toEqual(["", "dd: can't open '/x': Operation not permitted\n"]);
    });

    test("where nothing can keep devices away only a container that may have them all is started", async () => {
      const places = `${placeOf("devices")} ${cgroup.v2?.mountPoint}`;
      await using engine = await startEngine({ mounts: `umount ${places}` });
      const { exitCode, stderr } = await engine.cli(...makesDevice);
      expect(exitCode).toBe(125);
      expect(stderr).toContain(
        "access to devices cannot be limited: neither the cgroup controller devices nor cgroup2 is mounted\n" +
          "  (mount one of them, or allow all devices (--privileged))",
      );
      expect(await engine.output("run", "--rm", "--privileged", "base", "echo", "all")).toBe("all");
      expect(await engine.output("ps", "-aq")).toBe("");
    });
  },
);

test("a run directory that somebody has removed is made again; who ran before runs on and cannot be attached to", async () => {
  await using engine = await startEngine();
  await engine.output("run", "-d", "--name", "before", "base", "sleep", "1000");
  rmSync(engine.run, { recursive: true });
  expect(await engine.output("run", "--rm", "base", "echo", "hello")).toBe("hello");
  const socket = new RegExp(
    "^Error response from daemon: cannot attach to process \\d+: the socket of its supervisor, " +
      `${engine.run}/s/[0-9a-f]{16}, has been removed\n  \\(the container runs on; its next start has a socket again\\)\n$`,
  );
  const attached = await engine.cli("attach", "--no-stdin", "before");
  expect([attached.exitCode, attached.stdout]).toEqual([1, ""]);
  expect(attached.stderr).toMatch(socket);
  expect(await engine.output("exec", "before", "echo", "inside")).toBe("inside");
  expect(await engine.output("stop", "-t", "0", "before")).toBe("before");
  expect(await engine.output("inspect", "--format", "{{.State.ExitCode}}", "before")).toBe("137");
  expect(await engine.output("start", "before")).toBe("before");
  expect(existsSync(`${engine.run}/s`)).toBe(true);
  await engine.output("rm", "-f", "before");
});
