/** Containers for which there is no document of Docker's: made from a specification, started, shown, kept, removed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { collect, EngineFixture } from "../../test/support/engine-in-process.ts";
import { until } from "../../test/support/until.ts";
import { type ContainerSpecification, plainSpecification } from "./container/mod.ts";
import { errorOf } from "./testing/error-of.ts";

const fixture = new EngineFixture();
beforeAll(async () => {
  await fixture.open();
});
afterAll(async () => {
  await fixture[Symbol.asyncDispose]();
});

function running(
  words: readonly string[],
  more: Partial<ContainerSpecification> = {},
  process: Partial<ContainerSpecification["process"]> = {},
): ContainerSpecification {
  return {
    ...plainSpecification,
    ...more,
    process: { ...plainSpecification.process, ...process, arguments: words },
  };
}

const script = `echo kept > /made/file
hostname; ulimit -n; cat /made/file
touch /top 2>/dev/null || echo read-only
grep -c eth0 /proc/net/dev
sleep 1000`;

const specification = running(
  ["sh", "-c", script],
  {
    mounts: [
      { kind: "tmpfs", target: "/scratch", options: ["size=1m"] },
      { kind: "volume", volume: "", target: "/made", readOnly: false, copy: true },
    ],
    resources: { ...plainSpecification.resources, pids: 50, memoryBytes: 64 << 20 },
    security: {
      ...plainSpecification.security,
      rootReadOnly: true,
      capabilities: ["CAP_KILL"],
      noNewPrivileges: true,
    },
    labels: { of: "nobody's document" },
  },
  { limits: [{ name: "nofile", soft: 77, hard: 88 }] },
);

async function outputOf(name: string): Promise<string> {
  const { batches } = await fixture.engine.containers.logs(
    name,
    { follow: false, stdout: true, stderr: true },
    new AbortController().signal,
  );
  let text = "";
  for await (const batch of batches) for (const { bytes } of batch) text += Buffer.from(bytes).toString();
  return text;
}

test("a specification that no document of Docker's made is started, entered, shown, kept and removed", async () => {
  const { containers, execs } = fixture.engine;
  // As another program would hand it over.
  const received: unknown = JSON.parse(JSON.stringify(specification));
  const { Id } = await containers.createFrom(received, { image: "base", name: "own" });
  await containers.start("own");
  await until("its output", async () => (await outputOf("own")).includes("1\n"));
  expect(await outputOf("own")).toBe(`${Id.slice(0, 12)}\n77\nkept\nread-only\n1\n`);

  const session = await execs.run("own", {
    Cmd: ["sh", "-c", "grep -E 'CapBnd|NoNewPrivs' /proc/self/status; df /scratch | grep -c scratch"],
    AttachStdout: true,
  });
  expect((await collect(session.stream, session.tty)).stdout).toBe(
    "CapBnd:\t0000000000000020\nNoNewPrivs:\t1\n1\n",
  );

  const shown = await containers.inspect("own", { size: false });
  expect(shown).toMatchObject({
    Path: "sh",
    State: { Status: "running" },
    Config: { Image: "base", Cmd: ["sh", "-c", script], Labels: { of: "nobody's document" } },
    HostConfig: {
      Memory: 64 << 20,
      PidsLimit: 50,
      ReadonlyRootfs: true,
      NetworkMode: "bridge",
      SecurityOpt: ["no-new-privileges"],
      Ulimits: [{ Name: "nofile", Soft: 77, Hard: 88 }],
    },
    NetworkSettings: { Networks: { bridge: { IPAddress: expect.stringMatching(/^\d+\./) } } },
  });
  expect(shown.Mounts.map(({ Type, Destination }) => `${Type} ${Destination}`)).toEqual([
    "tmpfs /scratch",
    "volume /made",
  ]);

  await fixture.reopen();
  const after = await fixture.engine.containers.inspect("own", { size: false });
  expect(after.State.Running).toBe(true);
  expect(after.HostConfig).toEqual(shown.HostConfig);
  await fixture.engine.containers.remove("own", { force: true, volumes: true });
  expect(fixture.reported).toEqual([]);
});

test.each<[string, unknown, string, string]>([
  [
    "nothing of its fields",
    {},
    "container.specification",
    "invalid process: found nothing, wanted an object",
  ],
  [
    "a word that is none",
    { ...specification, restart: { policy: "sometimes", limit: 0 } },
    "container.specification",
    'invalid restart.policy: found "sometimes", wanted "no" or "always"',
  ],
  ["no program", plainSpecification, "container.no-command", "no command specified"],
  [
    "a capability that nobody knows",
    running(["true"], { security: { ...plainSpecification.security, capabilities: ["CAP_FLY"] } }),
    "container.capability",
    'unknown capability: "CAP_FLY"',
  ],
  [
    "two mounts at one place",
    running(["true"], {
      mounts: [
        { kind: "tmpfs", target: "/a", options: [] },
        { kind: "tmpfs", target: "/a", options: [] },
      ],
    }),
    "container.duplicate-mount",
    "Duplicate mount point: /a",
  ],
  [
    "a mount that leads elsewhere",
    running(["true"], { mounts: [{ kind: "tmpfs", target: "/a/../proc", options: [] }] }),
    "container.mount-place",
    "mount path must be absolute and clean",
  ],
  [
    "a group of the engine itself",
    running(["true"], { resources: { ...plainSpecification.resources, cgroupParent: "/tiffin/x" } }),
    "container.cgroup-parent",
    "it is a group of the engine itself",
  ],
  [
    "a network that is not there",
    running(["true"], {
      network: { kind: "networks", endpoints: [{ network: "bridge", address: "", mac: "no" }], ports: [] },
    }),
    "container.endpoint",
    "no is not a valid mac address",
  ],
  [
    "a health check that never waits",
    running(["true"], {
      health: {
        test: { kind: "shell", text: "true" },
        intervalNs: 1,
        timeoutNs: 0,
        startPeriodNs: 0,
        startIntervalNs: 0,
        retries: 0,
      },
    }),
    "container.health",
    "Interval in Healthcheck cannot be less than 1ms",
  ],
])("a specification with %s is refused and nothing of it stays", async (_what, wrong, code, words) => {
  const error = await errorOf(fixture.engine.containers.createFrom(wrong, { image: "base" }));
  expect(error.code).toBe(code);
  expect(error.message).toContain(words);
  expect(await fixture.engine.containers.list({ all: true, size: false, filters: {} })).toEqual([]);
});
