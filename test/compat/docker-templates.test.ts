/**
 * `--format` of what describes one thing: the same template over the same object of our engine, by docker's client and by the
 * formatter that our own client prints with. Addresses in memory are another every time, in docker's client too.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { documentFormat, FormatFailure } from "../../src/cli/format/document-format.ts";
import { parseExactJson } from "../../src/lib/exact-json.ts";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { templates } from "./template-cases.ts";

const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "28.0.0") >= 0)?.path;

interface Kind {
  readonly words: readonly string[];
  /** Where the document is. */
  readonly path: string;
  readonly type: string;
}

const kinds: Readonly<Record<string, Kind>> = {
  container: {
    words: ["container", "inspect", "subject"],
    path: "/containers/subject/json",
    type: "container.InspectResponse",
  },
  image: { words: ["image", "inspect", "base"], path: "/images/base/json", type: "image.InspectResponse" },
  network: {
    words: ["network", "inspect", "subject-net"],
    path: "/networks/subject-net",
    type: "network.Inspect",
  },
  volume: {
    words: ["volume", "inspect", "subject-vol"],
    path: "/volumes/subject-vol",
    type: "volume.Volume",
  },
  info: { words: ["info"], path: "/info", type: "system.dockerInfo" },
  version: { words: ["version"], path: "/version", type: "system.versionInfo" },
};

let engine: TestEngine;
const wanted = new Map<string, Outcome>();
const documents = new Map<string, unknown>();
const atOnce = 6;

async function said(program: readonly string[], words: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host };
  return outcomeOf(
    Bun.spawn([...program, ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
  );
}

beforeAll(async () => {
  if (docker === undefined) return;
  engine = await startEngine();
  await engine.output("network", "create", "--label", "a=b", "--opt", "com.x=y", "subject-net");
  await engine.output(
    "volume",
    "create",
    "--label",
    "k=v",
    "-o",
    "type=tmpfs",
    "-o",
    "device=tmpfs",
    "subject-vol",
  );
  await engine.output(
    ...[
      "run",
      "-d",
      "--name",
      "subject",
      "-p",
      "127.0.0.1::80",
      "-p",
      "53/udp",
      "-v",
      "other:/data",
      "-v",
      "/tmp:/host:ro",
    ],
    ...["--tmpfs", "/t:size=1m", "-e", "A=b", "--label", "x=1", "--label", "y.z=2", "--health-cmd", "true"],
    ...[
      "--health-interval",
      "1h",
      "--ulimit",
      "nofile=100:200",
      "--memory",
      "64m",
      "--cpus",
      "0.5",
      "--dns",
      "1.1.1.1",
    ],
    ...[
      "--device",
      "/dev/null:/dev/xx",
      "--restart",
      "on-failure:3",
      "--network",
      "subject-net",
      "--network-alias",
      "ali",
    ],
    ...[
      "--mount",
      "type=volume,src=other,dst=/d2,volume-nocopy",
      "--sysctl",
      "net.ipv4.ip_forward=1",
      "--init",
    ],
    ...[
      "--cap-add",
      "NET_ADMIN",
      "--log-opt",
      "max-size=10m",
      "--annotation",
      "q=r",
      "base",
      "sleep",
      "1000",
    ],
  );
  const asked = Object.entries(templates).flatMap(([kind, sources]) =>
    sources.map((source) => ({ kind, source })),
  );
  const ask = async (): Promise<void> => {
    for (let one = asked.shift(); one !== undefined; one = asked.shift()) {
      const words = [...(kinds[one.kind]?.words ?? []), "--format", one.source];
      wanted.set(one.kind + one.source, await said([docker], words));
    }
  };
  await Promise.all(Array.from({ length: atOnce }, ask));
  for (const [kind, { path }] of Object.entries(kinds))
    documents.set(kind, parseExactJson((await engine.http("GET", path)).text));
}, 120_000);
afterAll(async () => {
  if (docker !== undefined) await engine[Symbol.asyncDispose]();
});

function comparable({ code, stdout, stderr }: Outcome): Outcome {
  const clean = (text: string): string => text.replace(/\b0xc[0-9a-f]+\b/g, "ADDRESS");
  return { code, stdout: clean(stdout), stderr: clean(stderr) };
}

/** What our client prints, short of starting it. */
async function ours(kind: string, source: string): Promise<Outcome> {
  const isInspect = kind !== "info" && kind !== "version";
  const isPartial = !isInspect;
  const read = documents.get(kind);
  const document =
    kind === "version"
      ? { Client: { Os: "linux" }, Server: read }
      : kind === "info"
        ? { ...Object(read), ClientInfo: {} }
        : read;
  try {
    const show = await documentFormat(source, {
      failurePrefix: isInspect ? "template parsing error: " : "",
      fallsBack: isInspect && kind !== "volume",
      ...(kind === "version" ? { templateName: "version" } : {}),
    });
    return { code: 0, stdout: `${show(document, kinds[kind]?.type)}\n`, stderr: "" };
  } catch (thrown) {
    const message = thrown instanceof Error ? thrown.message : String(thrown);
    if (thrown instanceof FormatFailure)
      return { code: 1, stdout: `${isPartial ? thrown.written : ""}\n`, stderr: `${message}\n` };
    return { code: 64, stdout: "", stderr: `${message}\n` };
  }
}

describe.skipIf(docker === undefined).each(Object.entries(templates))("%s", (kind, sources) => {
  test.each(sources.map((source) => [JSON.stringify(source).replaceAll("%", "%%"), source] as const))(
    "%s",
    async (_title, source) => {
      const outcome = wanted.get(kind + source);
      expect(outcome).toBeDefined();
      if (outcome !== undefined) expect(comparable(await ours(kind, source))).toEqual(comparable(outcome));
    },
  );
});

// The whole program, so that what surrounds the formatter is compared as well.
test
  .skipIf(docker === undefined)
  .each([
    [["inspect", "subject", "nope", "base", "--format", "{{.State}}"]],
    [["inspect", "nope", "subject", "--format", "{{.State.Nope}}"]],
    [["volume", "inspect", "subject-vol", "nope", "--format", "{{.ID}}"]],
    [["info", "--format", "{{.NCPU}} {{.ClientInfo.Nope}}"]],
    [["version", "--format", "{{.Server.Os}} {{.Server.Nope}}"]],
    [
      [
        "system",
        "df",
        "-v",
        "--format",
        "{{range .Volumes}}{{json .}}{{end}}{{range .Containers}}{{.Labels}}{{end}}",
      ],
    ],
    [["system", "df", "-v", "--format", "{{range .Volumes}}{{.Links}} {{.Nope}}{{end}}"]],
    [["system", "df", "-v", "--format", "{{(index .Images 0).Nope}}"]],
    [["system", "df", "-v", "--format", "{{.Images.X}}"]],
    [["system", "df", "-v", "--format", "{{.Nope}}"]],
    [["system", "df", "-v", "--format", "{{.ID"]],
    [["system", "df", "--format", "{{.Nope}}"]],
    [["system", "df", "--format", "{{.ID"]],
    [["events", "--until", "1s", "--format", "{{.Nope}}"]],
    [["events", "--until", "1s", "--format", "{{.ID"]],
  ])("%p says the same", async (words) => {
  const [theirs, own] = [await said([docker ?? ""], words), await said(tiffinCommand(), words)];
  expect(comparable(own)).toEqual(comparable(theirs));
});
