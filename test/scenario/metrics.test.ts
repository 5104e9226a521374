/** What the engine tells of itself: metrics in both formats, traces to a collector, its own log. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { prometheusParser } from "../support/client-versions.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { pythonPackages } from "../support/python-packages.ts";
import { until } from "../support/until.ts";

const openMetrics = "application/openmetrics-text; version=1.0.0; charset=utf-8";

interface ReceivedSpan {
  readonly name: string;
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly startTimeUnixNano: string;
  readonly endTimeUnixNano: string;
  readonly attributes: readonly { readonly key: string; readonly value: { readonly stringValue: string } }[];
  readonly status?: { readonly code: number; readonly message: string };
}

let engine: TestEngine;
let collector: Bun.Server<undefined>;
let address: string;
const spans: ReceivedSpan[] = [];

beforeAll(async () => {
  collector = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    async fetch(request) {
      expect(new URL(request.url).pathname).toBe("/v1/traces");
      // What an engine of ours sends.
      const body = (await request.json()) as {
        readonly resourceSpans: readonly [
          { readonly scopeSpans: readonly [{ readonly spans: readonly ReceivedSpan[] }] },
        ];
      };
      spans.push(...body.resourceSpans[0].scopeSpans[0].spans);
      return Response.json({});
    },
  });
  address = `127.0.0.1:${await freePort()}`;
  const given = ["--metrics-addr", address, "--otlp-endpoint", `http://127.0.0.1:${collector.port}`];
  engine = await startEngine({ arguments: [...given, "--log-level", "info", "--log-format", "json"] });
  await engine.output("run", "--rm", "base", "true");
  await engine.output("run", "-d", "--name", "paused", "base", "sleep", "600");
  await engine.output("pause", "paused");
  expect((await engine.cli("run", "--rm", "base", "nosuch")).exitCode).toBe(127);
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await collector.stop(true);
});

async function scraped(accept: string): Promise<{ readonly type: string | null; readonly text: string }> {
  const answer = await fetch(`http://${address}/metrics`, { headers: { Accept: accept } });
  expect(answer.status).toBe(200);
  return { type: answer.headers.get("content-type"), text: await answer.text() };
}

function sampleOf(text: string, sample: string): number {
  const line = text.split("\n").find((each) => each.startsWith(`${sample} `));
  return line === undefined ? Number.NaN : Number(line.slice(sample.length + 1));
}

describe("metrics", () => {
  test("containers by state, events, starts and their phases are told at the address and by the API", async () => {
    const { type, text } = await scraped(openMetrics);
    expect(type).toBe(openMetrics);
    const states = ["paused", "running", "stopped"].map((state) =>
      sampleOf(text, `engine_daemon_container_states_containers{state="${state}"}`),
    );
    expect(states).toEqual([1, 0, 0]);
    expect(sampleOf(text, 'tiffin_container_events_total{action="start"}')).toBe(2);
    expect(sampleOf(text, "tiffin_container_start_failures_total")).toBe(1);
    expect(sampleOf(text, "tiffin_container_start_seconds_count")).toBe(2);
    expect(sampleOf(text, 'tiffin_container_start_phase_seconds_bucket{phase="network",le="+Inf"}')).toBe(2);
    expect(sampleOf(text, 'tiffin_networks{driver="bridge"}')).toBe(1);
    expect(sampleOf(text, "tiffin_images")).toBe(1);
    expect(text.endsWith("# EOF\n")).toBe(true);
    expect((await engine.http("GET", "/metrics")).text).toContain('state="paused"} 1\n');
  });

  test("an older scraper gets the older format; the address has nothing else", async () => {
    const { type, text } = await scraped("text/plain;version=0.0.4;q=0.5,*/*;q=0.1");
    expect(type).toBe("text/plain; version=0.0.4; charset=utf-8");
    expect(text).toContain("# TYPE tiffin_execs_total counter\n");
    expect(text).not.toContain("# EOF");
    expect((await fetch(`http://${address}/containers/json`)).status).toBe(404);
  });

  test("how much is told does not grow with the containers", async () => {
    const linesNow = async () => (await scraped(openMetrics)).text.split("\n").length;
    const before = await linesNow();
    await Promise.all(
      Array.from({ length: 5 }, (_, index) =>
        engine.output("create", "--name", `more-${index}`, "base", "true"),
      ),
    );
    expect(await linesNow()).toBe(before);
  });

  const packages = pythonPackages(`prometheus-${prometheusParser}`, [
    `prometheus-client==${prometheusParser}`,
  ]);
  if ("missing" in packages) test.skip(`Prometheus' own parser (${packages.missing})`, () => {});
  else
    test("Prometheus' own strict parser takes it", async () => {
      const { text } = await scraped(openMetrics);
      const script =
        "import sys\nfrom prometheus_client.openmetrics.parser import text_string_to_metric_families as parse\n" +
        "print(len(list(parse(sys.stdin.read()))) > 15)";
      const parser = Bun.spawn([...packages.command, "-c", script], {
        stdin: new Blob([text]),
        stderr: "pipe",
      });
      expect([await new Response(parser.stdout).text(), await new Response(parser.stderr).text()]).toEqual([
        "True\n",
        "",
      ]);
    });
});

describe("traces", () => {
  const named = (name: string) => spans.filter((span) => span.name === name);

  test("a start is a span with its phases below it, and one that failed says why", async () => {
    await until("three starts to be told", () => named("container.start").length >= 3);
    const failed = named("container.start").filter(({ status }) => status !== undefined);
    expect(failed.map(({ status }) => status?.message.includes("nosuch"))).toEqual([true]);
    const paused = named("container.start").find(({ attributes }) =>
      attributes.some(({ value }) => value.stringValue === "paused"),
    );
    const below = (parent: ReceivedSpan | undefined) =>
      spans.filter(({ parentSpanId }) => parentSpanId === parent?.spanId);
    expect(below(paused).map(({ name }) => name)).toEqual([
      "container.start.lookUp",
      "container.start.network",
      "container.start.compile",
      "container.start.host",
      "container.start.launch",
    ]);
    expect(below(paused).every(({ traceId }) => traceId === paused?.traceId)).toBe(true);
    const ordered = below(paused).map(({ startTimeUnixNano }) => BigInt(startTimeUnixNano));
    expect(ordered).toEqual(ordered.toSorted((a, b) => (a < b ? -1 : 1)));
    expect(below(below(paused).at(-1))).toHaveLength(4);
  });

  test("a build is a span with its steps, whose words are not told", async () => {
    const file = "FROM base\nARG TOKEN\nRUN echo swordfish > /secret\n";
    const built = await engine.cliWith({ input: file }, "build", "-q", "-");
    expect(built.exitCode).toBe(0);
    await until("the build to be told", () => named("image.build").length > 0);
    const [build] = named("image.build");
    const steps = spans.filter(({ parentSpanId }) => parentSpanId === build?.spanId).map(({ name }) => name);
    expect(steps.some((name) => /RUN$/.test(name))).toBe(true);
    expect(JSON.stringify(spans)).not.toContain("swordfish");
  });
});

test("the engine's log has one document a line, with what happened and its id", async () => {
  await until("the log", () => engine.log.includes('"container pause"'));
  const lines = engine.log
    .trim()
    .split("\n")
    .map((line): unknown => JSON.parse(line));
  expect(lines[0]).toMatchObject({ level: "info", message: "the engine is ready", host: engine.host });
  expect(lines).toContainEqual(
    expect.objectContaining({
      message: "container pause",
      name: "paused",
      id: expect.stringMatching(/^[0-9a-f]{64}$/),
    }),
  );
});
