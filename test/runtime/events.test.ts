/** `events`: the documents of runc, key by key, and word of memory that has run out. */
import { expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import type { OciResources } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime, runtimes } from "./runtimes.ts";

const noEvents = { crun: "1.8 has no events command" };
const mib = 1024 * 1024;

/** Every key of the document with the way to it; counters that depend on the moment are left out. */
function keysOf(value: unknown, path = ""): string[] {
  if (typeof value !== "object" || value === null) return [path];
  if (Array.isArray(value)) return [path];
  return Object.entries(value).flatMap(([name, inner]) => keysOf(inner, `${path}.${name}`));
}

const resources: OciResources = {
  memory: { limit: 64 * mib, swap: 128 * mib },
  pids: { limit: 20 },
  cpu: { quota: 50_000, period: 100_000, cpus: "0" },
};

async function statistics(bundle: Bundle): Promise<unknown> {
  const spec = specOf(["/bin/sleep", "1000"]);
  await bundle.create({ ...spec, linux: { ...spec.linux, resources } });
  await bundle.start();
  const { stdout } = await bundle.call("events", "--stats", bundle.id);
  expect(stdout.trim().split("\n")).toHaveLength(1);
  return JSON.parse(stdout);
}

eachRuntime(
  "events: limits and counters of the container's groups",
  async (bundle) => {
    expect(await statistics(bundle)).toMatchObject({
      type: "stats",
      id: bundle.id,
      data: {
        cpu: { usage: { total: expect.any(Number), kernel: expect.any(Number), user: expect.any(Number) } },
        memory: {
          usage: { limit: 64 * mib, usage: expect.any(Number), failcnt: 0 },
          swap: { limit: 128 * mib },
        },
        // runc's own processes may be there for a moment longer.
        pids: { current: expect.any(Number), limit: 20 },
        blkio: {},
        intel_rdt: {},
        network_interfaces: null,
      },
    });
  },
  { except: noEvents },
);

const [ours, runc] = ["tiffin", "runc"].map((name) => runtimes.find((each) => each.name === name)?.path);

test.skipIf(ours === undefined || runc === undefined || process.geteuid?.() !== 0)(
  "events: no key that runc has is missing, and none is ours alone",
  async () => {
    if (ours === undefined || runc === undefined) return;
    await using first = new Bundle(ours);
    await using second = new Bundle(runc);
    const documents = [await statistics(first), await statistics(second)];
    // Zeros are left out, so these depend on the moment; runc joins the huge pages' hierarchy without a limit too.
    const moving = /throttling|memory\.cache|percpu|\.usage$|\.max$|hugetlb|blkio/;
    const [a, b] = documents.map((each) =>
      keysOf(each)
        .filter((key) => !moving.test(key))
        .sort(),
    );
    expect(a).toEqual(b);
  },
);

eachRuntime(
  "events: statistics at every interval until the container ends, and a line when memory runs out",
  async (bundle) => {
    const script =
      "trap : USR1; while :; do sleep 0.05; if [ -e /go ]; then tail /dev/zero; rm -r /go; fi; done";
    const spec = shell(script);
    await bundle.create({
      ...spec,
      linux: { ...spec.linux, resources: { memory: { limit: 8 * mib, swap: 8 * mib } } },
    });
    await bundle.start();
    const child = Bun.spawn(
      [bundle.runtime, "--root", bundle.root, "events", "--interval", "100ms", bundle.id],
      { stdin: "ignore", stdout: "pipe", stderr: "ignore" },
    );
    let text = "";
    const reading = (async (): Promise<void> => {
      for await (const bytes of child.stdout) text += new TextDecoder().decode(bytes);
    })();
    const types = (): string[] => [...text.matchAll(/"type":"(\w+)"/g)].map(([, type]) => type ?? "");
    await until("statistics come", () => types().filter((type) => type === "stats").length > 1);
    mkdirSync(`${bundle.rootfs}/go`);
    await until("memory runs out", () => types().includes("oom"));
    // runc goes on until the groups are gone.
    await bundle.call("delete", "--force", bundle.id);
    expect(await child.exited).toBe(0);
    await reading;
    for (const line of text.trim().split("\n")) expect(JSON.parse(line)).toMatchObject({ id: bundle.id });
  },
  { except: noEvents },
);
