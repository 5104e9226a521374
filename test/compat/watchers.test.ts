/**
 * Programs that look on and are no client of anybody's hands: what Portainer and lazydocker ask, over and over, and how proxies
 * such as Traefik and nginx-proxy follow containers. Asked as they ask it, of this engine and of one of Docker's.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { dockerdWithBaseOf } from "../support/docker-stage.ts";
import { request, startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerd, type OwnDockerd } from "../support/own-dockerd.ts";
import { until } from "../support/until.ts";

const filters = (wanted: object): string => `filters=${encodeURIComponent(JSON.stringify(wanted))}`;

/** `ID` is a container that runs. */
const questions: Readonly<Record<string, readonly string[]>> = {
  Portainer: [
    "/_ping",
    "/version",
    "/info",
    "/containers/json?all=1",
    "/containers/json?all=true&size=true",
    `/containers/json?${filters({ label: ["com.docker.compose.project"] })}`,
    "/containers/ID/json",
    "/containers/ID/stats?stream=false",
    "/containers/ID/top",
    "/containers/ID/logs?stdout=1&stderr=1&tail=100&timestamps=1",
    "/images/json?all=0",
    `/images/json?${filters({ dangling: ["true"] })}`,
    "/images/base:latest/json",
    "/images/base:latest/history",
    "/volumes",
    `/volumes?${filters({ dangling: ["true"] })}`,
    "/networks",
    "/networks/host",
    "/system/df",
    "/plugins",
    "/swarm",
    "/services",
    "/nodes",
    "/containers/nosuch/json",
    "/images/nosuch/json",
  ],
  lazydocker: [
    "/containers/json?all=1&limit=0",
    "/containers/ID/json",
    "/containers/ID/stats?one-shot=1&stream=0",
    "/containers/ID/top?ps_args=aux",
    "/images/json",
    "/images/base:latest/history",
    "/volumes",
    "/networks",
    `/volumes?${filters({})}`,
  ],
};

/** Names of members in Docker's documents that are somebody's own, so that only what is below the first is looked at. */
const maps =
  /\.(?:Labels|Networks|Containers|Options|IndexConfigs|Ports|ExposedPorts|Volumes|Runtimes|storage_stats|stats|IPAM\.Options|GraphDriver\.Data)$/;

/** What only engines as old as that of the tests have, and what an engine that mounts nothing on the host cannot have. */
const gone =
  /\.KernelMemory(?:TCP)?$|AllowNondistributableArtifacts\w+: no list$|\.GraphDriver\.Data: no object$/;

/** Where what of `theirs` is not in `ours`; a list is looked at by its first. */
function missingIn(ours: unknown, theirs: unknown, place = ""): string[] {
  if (theirs === null || theirs === undefined) return [];
  if (Array.isArray(theirs)) {
    if (!Array.isArray(ours)) return [`${place}: no list`];
    return ours.length === 0 ? [] : missingIn(ours[0], theirs[0], `${place}[]`);
  }
  if (typeof theirs !== "object") {
    return typeof ours === typeof theirs ? [] : [`${place}: ${typeof ours}, not ${typeof theirs}`];
  }
  if (typeof ours !== "object" || ours === null) return [`${place}: no object`];
  if (maps.test(place)) return [];
  const known = new Map<string, unknown>(Object.entries(ours));
  return Object.entries(theirs).flatMap(([name, value]) =>
    known.has(name)
      ? missingIn(known.get(name), value, `${place}.${name}`)
      : value === null || value === "" || (typeof value === "object" && Object.keys(value).length === 0)
        ? []
        : [`${place}.${name}`],
  );
}

let engine: TestEngine;

beforeAll(async () => {
  engine = await startEngine();
  await engine.output("volume", "create", "shelf");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Asked {
  readonly status: number;
  readonly document: unknown;
}

async function ask(socket: string, path: string): Promise<Asked> {
  const answer = await request(socket, "GET", path);
  const isJson = answer.headers.get("content-type")?.startsWith("application/json") === true;
  return { status: answer.status, document: isJson ? answer.json() : undefined };
}

async function runOne(socket: string, name = "looked-at"): Promise<string> {
  const body = {
    Image: "base",
    Cmd: ["sh", "-c", "echo said; exec sleep 600"],
    HostConfig: { NetworkMode: "none" },
  };
  const made = await request(socket, "POST", `/containers/create?name=${name}`, body);
  // Of Docker's answer only the id is used.
  const { Id: id } = made.json() as { readonly Id: string };
  expect((await request(socket, "POST", `/containers/${id}/start`)).status).toBe(204);
  return id;
}

describe.skipIf(!hasDockerd)("pollers (skipped without dockerd)", () => {
  let dockerd: OwnDockerd;
  let ids: { readonly ours: string; readonly theirs: string };

  beforeAll(async () => {
    dockerd = await dockerdWithBaseOf(engine);
    await request(dockerd.socket, "POST", "/volumes/create", { Name: "shelf" });
    ids = { ours: await runOne(engine.socket), theirs: await runOne(dockerd.socket) };
  });
  afterAll(async () => {
    await request(dockerd.socket, "DELETE", `/containers/${ids.theirs}?force=1`);
    await dockerd[Symbol.asyncDispose]();
  });

  test.each(Object.keys(questions))("%s asks and finds what it finds on Docker", async (client) => {
    const found: Record<string, unknown> = {};
    for (const path of questions[client] ?? []) {
      const [ours, theirs] = await Promise.all([
        ask(engine.socket, `/v1.41${path.replace("ID", ids.ours)}`),
        ask(dockerd.socket, `/v1.41${path.replace("ID", ids.theirs)}`),
      ]);
      const missing = missingIn(ours.document, theirs.document).filter((each) => !gone.test(each));
      if (ours.status !== theirs.status) missing.push(`status ${ours.status}, not ${theirs.status}`);
      if (missing.length > 0) found[path] = missing;
    }
    expect(found).toEqual({});
  });
});

test("a list that is asked for over and over says what each container has become since", async () => {
  const id = await runOne(engine.socket, "asked-for");
  const listed = async (path = "/containers/json?all=1"): Promise<string> => {
    const { document } = await ask(engine.socket, path);
    const all = document as readonly {
      readonly Id: string;
      readonly Names: readonly string[];
      readonly State: string;
      readonly SizeRw?: number;
    }[];
    const one = all.find((each) => each.Id === id);
    return one === undefined ? "" : [one.Names[0], one.State, typeof one.SizeRw].join(" ");
  };
  const change = async (path: string): Promise<void> => {
    expect((await request(engine.socket, "POST", `/containers/${id}${path}`)).status).toBeLessThan(300);
  };
  const twice = async (): Promise<readonly string[]> => [await listed(), await listed()];
  expect(await twice()).toEqual(Array(2).fill("/asked-for running undefined"));
  await change("/pause");
  expect(await twice()).toEqual(Array(2).fill("/asked-for paused undefined"));
  await change("/unpause");
  await change("/rename?name=renamed");
  expect(await twice()).toEqual(Array(2).fill("/renamed running undefined"));
  expect(await listed("/containers/json?all=1&size=1")).toBe("/renamed running number");
  expect(await twice()).toEqual(Array(2).fill("/renamed running undefined"));
  expect(await listed(`/containers/json?all=1&${filters({ status: ["paused"] })}`)).toBe("");
  expect(await twice()).toEqual(Array(2).fill("/renamed running undefined"));
  await change("/stop?t=0");
  expect(await twice()).toEqual(Array(2).fill("/renamed exited undefined"));
  expect((await request(engine.socket, "DELETE", `/containers/${id}`)).status).toBe(204);
  expect(await twice()).toEqual(["", ""]);
});

test("a proxy that follows events and reads labels knows its sites as they come and go", async () => {
  const sites = new Map<string, string>();
  const heard: string[] = [];
  const listening = new AbortController();

  /** As a provider of routes does: all that runs is listed, each is inspected, and its labels say what it serves. */
  async function refresh(): Promise<void> {
    const listed = await request(
      engine.socket,
      "GET",
      `/containers/json?${filters({ status: ["running"] })}`,
    );
    sites.clear();
    // Rows and documents of an engine of ours.
    for (const { Id: id } of listed.json() as readonly { readonly Id: string }[]) {
      const inspected = await request(engine.socket, "GET", `/containers/${id}/json`);
      if (inspected.status !== 200) continue;
      const { Config: config, NetworkSettings: network } = inspected.json() as {
        readonly Config: { readonly Labels: Readonly<Record<string, string>> };
        readonly NetworkSettings: {
          readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
        };
      };
      const host = config.Labels["site.host"];
      if (host !== undefined) sites.set(host, network.Networks["bridge"]?.IPAddress ?? "");
    }
  }

  async function follow(): Promise<void> {
    const wanted = { type: ["container"], event: ["start", "die", "health_status"], label: ["site.host"] };
    const answer = await fetch(`http://localhost/v1.41/events?${filters(wanted)}`, {
      unix: engine.socket,
      signal: listening.signal,
    });
    let rest = "";
    const decoder = new TextDecoder();
    for await (const piece of answer.body ?? []) {
      const lines = (rest + decoder.decode(piece, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) {
        const { Action: action, Actor: actor } = JSON.parse(line) as {
          readonly Action: string;
          readonly Actor: { readonly Attributes: Readonly<Record<string, string>> };
        };
        heard.push(`${actor.Attributes["site.host"]} ${action}`);
        await refresh();
      }
    }
  }

  const following = follow().catch((thrown: unknown) => thrown);
  const serve = ["sh", "-c", "mkdir /w; hostname > /w/index.html; exec httpd -f -p 80 -h /w"];
  const run = (host: string) =>
    engine.output("run", "-d", "--init", "--label", `site.host=${host}`, "base", ...serve);
  await until("the first site", async () => {
    // Listening begins a moment after the request: whoever comes before is found by the first look.
    if (sites.size === 0) await refresh();
    if (sites.size === 0 && heard.length === 0) await run("soup.test");
    return sites.has("soup.test");
  });
  const cake = await run("cake.test");
  await until("the second site", () => heard.includes("cake.test start") && sites.has("cake.test"));
  const answer = await fetch(`http://${sites.get("cake.test")}/`).catch(() => undefined);
  expect(answer === undefined || answer.status === 200).toBe(true);
  await engine.output("run", "--rm", "base", "true");
  await engine.output("stop", "-t", "0", cake);
  await until("the second site to be gone", () => heard.includes("cake.test die") && !sites.has("cake.test"));
  expect(heard.filter((each) => each.startsWith("cake.test"))).toEqual(["cake.test start", "cake.test die"]);
  listening.abort();
  await following;
});
