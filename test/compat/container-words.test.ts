/**
 * What inspect and `ps` say of containers in all their states, and what networks none and host allow, by docker's client to a real
 * dockerd and to our engine.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";

const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "28.0.0") >= 0)?.path;
const possible = docker !== undefined && hasDockerd;

let engine: TestEngine;
let dockerd: OwnDockerd;

beforeAll(async () => {
  if (!possible) return;
  [engine, dockerd] = await Promise.all([startEngine(), OwnDockerd.start()]);
  for (const words of [
    ["volume", "create", "vol"],
    ["create", "--name", "giver", "-v", "vol:/d", "-v", "/opt:/e:ro", "base", "true"],
  ])
    await both(words);
}, 60_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await dockerd[Symbol.asyncDispose]();
});

async function said(host: string, words: readonly string[]): Promise<Outcome> {
  const env = { ...process.env, DOCKER_HOST: host };
  const child = Bun.spawn([docker ?? "", ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
  const { code, stdout, stderr } = await outcomeOf(child);
  const clean = (text: string): string => text.replace(/\b[0-9a-f]{64}\b/g, "ID");
  return { code, stdout: clean(stdout), stderr: clean(stderr) };
}

async function both(words: readonly string[]): Promise<readonly [Outcome, Outcome]> {
  return await Promise.all([said(engine.host, words), said(`unix://${dockerd.socket}`, words)]);
}

/** The commands one after the other; each says and ends the same. */
async function same(...commands: readonly (readonly string[])[]): Promise<void> {
  for (const words of commands) {
    const [ours, theirs] = await both(words);
    expect({ words, ...ours }).toEqual({ words, ...theirs });
  }
}

const mountFormat =
  "{{range .Mounts}}{{.Type}} {{.Destination}} {{printf `%q` .Mode}} {{.RW}} {{.Propagation}} {{.Driver}}{{end}}";

test.skipIf(!possible).each([
  ["-v", "vol:/d"],
  ["-v", "vol:/d:ro"],
  ["-v", "vol:/d:rw"],
  ["-v", "vol:/d:Z"],
  ["-v", "vol:/d:ro,nocopy"],
  ["-v", "/d"],
  ["-v", "/opt:/d"],
  ["-v", "/opt:/d/"],
  ["-v", "/opt:/d:ro"],
  ["-v", "/opt:/d:z"],
  ["-v", "/opt:/d:ro,rslave"],
  ["--mount", "type=volume,src=vol,dst=/d"],
  ["--mount", "type=volume,src=vol,dst=/d,ro"],
  ["--mount", "type=volume,dst=/d"],
  ["--mount", "type=bind,src=/opt,dst=/d,ro"],
  ["--mount", "type=tmpfs,dst=/d"],
])("a mount by %s %s has Docker's mode in inspect", async (flag, value) => {
  await same(
    ["create", "--name", "mounts", flag, value, "base", "true"],
    ["inspect", "--format", mountFormat, "mounts"],
    ["rm", "-v", "mounts"],
  );
});

test.skipIf(!possible)("mounts that come from another container have no mode", async () => {
  const format = "{{range .Mounts}}{{if eq .Destination `/e`}}{{printf `%q` .Mode}} {{.RW}}{{end}}{{end}}";
  await same(
    ["create", "--name", "taker", "--volumes-from", "giver", "base", "true"],
    ["inspect", "--format", format, "taker"],
    ["rm", "-v", "taker"],
  );
});

const portsFormat = "{{.NetworkSettings.Ports}} {{json .NetworkSettings.Ports}}";

test.skipIf(!possible)("a container has no ports before it runs, nor in networks none and host", async () => {
  const look = [
    ["inspect", "--format", portsFormat, "ports"],
    ["ps", "-a", "--filter", "name=ports", "--format", "{{.Names}} {{.Ports}}"],
    ["ps", "-aq", "--filter", "expose=81"],
    ["rm", "-f", "ports"],
  ];
  await same(["create", "--name", "ports", "-p", "80", "--expose", "81", "base", "true"], ...look);
  for (const network of ["none", "host"])
    await same(
      ["run", "-d", "--name", "ports", "--network", network, "--expose", "81", "base", "sleep", "100"],
      ...look,
    );
});

test.skipIf(!possible)("a container leaves network none, and may be in others then", async () => {
  await same(
    ["create", "--name", "lonely", "--network", "none", "base", "true"],
    ["network", "disconnect", "bridge", "lonely"],
    ["network", "disconnect", "none", "lonely"],
    ["inspect", "--format", "{{json .NetworkSettings.Networks}}", "lonely"],
    ["network", "disconnect", "none", "lonely"],
    ["network", "connect", "bridge", "lonely"],
    ["inspect", "--format", "{{range $name, $_ := .NetworkSettings.Networks}}{{$name}}{{end}}", "lonely"],
    ["rm", "lonely"],
  );
});

test("a running container goes from network none to another one", async () => {
  await using own = await startEngine();
  await own.output("run", "-d", "--name", "lonely", "--network", "none", "base", "sleep", "100");
  await own.output("network", "disconnect", "none", "lonely");
  await own.output("network", "connect", "bridge", "lonely");
  expect(await own.output("exec", "lonely", "ls", "/sys/class/net")).toBe("eth0\nlo");
  expect(await own.output("exec", "lonely", "ip", "route")).toContain("default via");
  await own.crash();
  await own.start();
  expect(await own.output("exec", "lonely", "ls", "/sys/class/net")).toBe("eth0\nlo");
  await own.output("restart", "-t", "0", "lonely");
  expect(await own.output("exec", "lonely", "ls", "/sys/class/net")).toBe("eth0\nlo");
  await own.output("rm", "-f", "lonely");
});
