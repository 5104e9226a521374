/**
 * SIGKILL of an engine at every failpoint, the removal of a container that removes itself included; then another
 * engine over the same state must come up, show only sane containers, and leave nothing once they are removed.
 */
import { expect, test } from "bun:test";
import { existsSync, readdirSync } from "node:fs";
import { EngineFixture } from "../../test/support/engine-in-process.ts";
import { hostSnapshot } from "../../test/support/host-snapshot.ts";
import { TestCgroup } from "../../test/support/test-cgroup.ts";
import { until } from "../../test/support/until.ts";
import { cgroupParentOf } from "./config.ts";
import { failpoints } from "./container/mod.ts";

const program = new URL("../../test/support/doomed-engine.ts", import.meta.url).pathname;

async function dieAt(fixture: EngineFixture, cgroup: TestCgroup, name: string): Promise<void> {
  const doomed = Bun.spawn(cgroup.wrap([process.execPath, program, fixture.directory]), {
    env: { ...process.env, TIFFIN_FAILPOINT: `${name}:kill` },
    stdin: "ignore",
    stdout: "inherit",
    stderr: "inherit",
  });
  await doomed.exited;
  expect(doomed.signalCode).toBe("SIGKILL");
}

for (const name of failpoints) {
  test(`an engine killed at ${name} is followed by one that puts everything right`, async () => {
    await using fixture = new EngineFixture();
    const cgroup = new TestCgroup();
    // What may be somebody's is kept, and said so: a volume that is there whole without its row.
    const keeps = name === "volume.placed";
    const unexpected = (): unknown[] =>
      fixture.reported.filter(
        (told) => !keeps || !/^Error: volume .* is taken over from /.test(String(told)),
      );
    try {
      await dieAt(fixture, cgroup, name);
      await fixture.open();
      expect(unexpected()).toEqual([]);
      expect(fixture.reported).toHaveLength(keeps ? 1 : 0);
      const { containers } = fixture.engine;
      const found = await containers.list({ all: true, size: false, filters: {} });
      for (const { Id, State } of found) {
        expect(["created", "running", "paused", "exited"]).toContain(State);
        const { State: state } = await containers.inspect(Id, { size: false });
        if (state.Running) expect(existsSync(`/proc/${state.Pid}`)).toBe(true);
        await containers.remove(Id, { force: true, volumes: true });
      }
      const { volumes } = fixture.engine;
      for (const { Name } of keeps ? (await volumes.list({})).Volumes : [])
        await volumes.remove(Name, { force: false });
      // The same name, network and volume can be used again.
      const again = await fixture.run(
        ["echo", "again"],
        { HostConfig: { NetworkMode: "bridge" } },
        { name: "victim" },
      );
      expect(again).toMatchObject({ code: 0, stdout: "again\n" });
      // Supervisors and background work end a moment after what they were for.
      await until("the end of all processes", () => cgroup.processes().length === 0);
      expect(cgroup.processes()).toEqual([]);
      await fixture.engine.uninstall();
      fixture.forget();
      expect(leftOf(fixture)).toEqual([]);
      expect(unexpected()).toEqual([]);
    } finally {
      await cgroup.dispose();
    }
  }, 120_000);
}

function leftOf(fixture: EngineFixture): string[] {
  const { root, tag, run } = fixture.config;
  const left = hostSnapshot({
    directories: [],
    linkPrefixes: [`tf${tag}`],
    cgroupParent: cgroupParentOf(tag),
    tables: [`tiffin_${tag}`],
    processes: () => [],
  });
  const entries = (directory: string): string[] =>
    existsSync(directory)
      ? readdirSync(directory).filter((entry) => !entry.startsWith(".ready-") && entry !== ".trash")
      : [];
  return [
    ...left.links,
    ...left.cgroups,
    ...left.tables,
    ...left.mounts,
    ...entries(`${root}/containers`),
    ...entries(`${root}/volumes`),
    ...entries(`${run}/s`),
  ];
}
