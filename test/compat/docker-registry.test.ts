/** What is asked of registries without moving an image, and who asks: search, what a name means, programs that keep passwords. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { request, startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "28.0.0") >= 0)?.path;
const user = ["cook", "lunchtime"] as const;
const possible = docker !== undefined && hasDockerRegistry;

let engine: TestEngine;
let files: TemporaryDirectory;
let registry: RealRegistry;

beforeAll(async () => {
  if (!possible) return;
  files = temporaryDirectory("compat-registry");
  [engine, registry] = await Promise.all([startEngine(), startRegistry({ basic: user })]);
}, 60_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

async function run(
  program: readonly string[],
  words: readonly string[],
  env: Readonly<Record<string, string>>,
  input = "",
): Promise<Outcome> {
  const started = Bun.spawn([...program, ...words], {
    env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host, ...env },
    stdin: new Blob([input]),
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(started);
}

const theirs = [docker ?? "docker"];

test.skipIf(!possible)(
  "search asks a registry that has one, and both clients show the same (skipped without docker 28 or docker-registry)",
  async () => {
    const asked: string[] = [];
    const about = "Lunch in a box,\nwith a description that is longer than what a table has room for";
    const found = [
      { name: "plain", description: about, star_count: 3, is_official: false, is_automated: false },
      { name: "best", description: "first", star_count: 40, is_official: true, is_automated: false },
      { name: "least", description: "", star_count: 0 },
    ];
    const server = Bun.serve({
      hostname: "127.0.0.1",
      port: 0,
      fetch(incoming) {
        const { pathname, searchParams } = new URL(incoming.url);
        if (pathname !== "/v1/search") return new Response("none", { status: 404 });
        asked.push(`${searchParams.get("q")} ${searchParams.get("n")}`);
        return Response.json({ num_results: found.length, query: "box", results: found });
      },
    });
    try {
      const term = `localhost:${server.port}/box`;
      const env = { DOCKER_CONFIG: `${files.path}/search` };
      const both = async (...words: string[]): Promise<Outcome> => {
        const expected = await run(theirs, ["search", ...words, term], env);
        const ours = await run(tiffinCommand(), ["search", ...words, term], env);
        expect({ words, ...ours }).toEqual({ words, ...expected });
        return ours;
      };
      const { code, stdout } = await both();
      expect(code).toBe(0);
      expect(stdout.split("\n").map((line) => line.split(" ")[0])).toEqual([
        "NAME",
        "plain",
        "best",
        "least",
        "",
      ]);
      expect((await both("--no-trunc")).stdout).toContain("room for");
      expect((await both("--limit", "1")).stdout).toContain("plain");
      expect(asked.slice(-2)).toEqual(["box 1", "box 1"]);
      expect((await both("--filter", "stars=3", "--format", "{{.Name}} {{.StarCount}}")).stdout).toBe(
        "plain 3\nbest 40\n",
      );
      expect((await both("-f", "is-official=true", "--format", "{{.Name}}{{.IsOfficial}}")).stdout).toBe(
        "best[OK]\n",
      );
      await both("--format", "{{json .}}");
      await both("--format", "table {{.Name}}\t{{.Description}}");
      await both("--filter", "is-official=maybe");
      const none = await run(tiffinCommand(), ["search", `${registry.host}/box`], env);
      expect([none.code, none.stderr]).toEqual([1, expect.stringContaining("the registry has no search")]);
    } finally {
      await server.stop(true);
    }
  },
  60_000,
);

test.skipIf(!possible || !hasDockerd)(
  "what a name means in its registry is what dockerd says, for who is let in (skipped without dockerd)",
  async () => {
    await using dockerd = await OwnDockerd.start();
    await dockerd.reach(registry.port);
    const name = `${registry.host}/meant/box`;
    const env = { DOCKER_CONFIG: `${files.path}/meant` };
    const login = ["login", "-u", user[0], "--password-stdin", registry.host];
    expect((await run(tiffinCommand(), login, env, user[1])).code).toBe(0);
    // In Docker's format, for that dockerd does not say what an OCI manifest is for.
    const there = { ...env, DOCKER_HOST: `unix://${dockerd.socket}` };
    expect((await run(theirs, ["tag", "base", `${name}:1`], there)).code).toBe(0);
    expect((await run(theirs, ["push", "-q", `${name}:1`], there)).code).toBe(0);
    const auth = JSON.stringify({ username: user[0], password: user[1], serveraddress: registry.host });
    const ask = async (
      socket: string,
      form: "base64" | "base64url",
      of: string,
    ): Promise<[number, unknown]> => {
      const answer = await fetch(`http://localhost/v1.41/distribution/${of}/json`, {
        unix: socket,
        headers: { "X-Registry-Auth": Buffer.from(auth).toString(form) },
      });
      return [answer.status, await answer.json()];
    };
    // Docker wants base64 of its own alphabet with its padding; ours takes any.
    const expected = await ask(dockerd.socket, "base64", `${name}:1`);
    expect(expected).toEqual([200, expect.anything()]);
    for (const form of ["base64", "base64url"] as const) {
      expect(await ask(engine.socket, form, `${name}:1`)).toEqual(expected);
    }
    expect((await ask(engine.socket, "base64url", `${name}:none`))[0]).toBe(404);
    const refused = await request(engine.socket, "GET", `/v1.41/distribution/${name}:1/json`);
    expect([refused.status, refused.text]).toEqual([
      401,
      expect.stringMatching(/unauthorized|authentication/),
    ]);
  },
  60_000,
);

/** A program that keeps one login in a file, and a list of what it was asked to do. */
function makeHelper(name: string): { readonly kept: string; readonly calls: () => string[] } {
  const bin = `${files.path}/bin`;
  mkdirSync(bin, { recursive: true });
  const kept = `${files.path}/kept-${name}`;
  const log = `${files.path}/calls-${name}`;
  const script = `#!/bin/sh
echo "$1" >> ${log}
case "$1" in
  store) cat > ${kept} ;;
  get) url=$(cat); grep -q "\\"ServerURL\\":\\"$url\\"" ${kept} 2>/dev/null && exec cat ${kept}
    echo "credentials not found in native keychain"; exit 1 ;;
  erase) rm -f ${kept} ;;
  *) echo '{}' ;;
esac
`;
  writeFileSync(`${bin}/docker-credential-${name}`, script, { mode: 0o755 });
  return { kept, calls: () => readFileSync(log, "utf8").trim().split("\n") };
}

test.skipIf(!possible)(
  "programs keep the passwords, one for all registries or one for each, for either client (skipped without docker 28 or docker-registry)",
  async () => {
    const all = makeHelper("all");
    const own = makeHelper("own");
    const name = `${registry.host}/kept/box:1`;
    await engine.output("tag", "base", name);
    for (const [helper, config] of [
      [all, { credsStore: "all" }],
      [own, { credsStore: "all", credHelpers: { [registry.host]: "own" } }],
    ] as const) {
      const directory = `${files.path}/config-${Object.keys(config).length}`;
      mkdirSync(directory);
      writeFileSync(`${directory}/config.json`, JSON.stringify(config));
      const env = { DOCKER_CONFIG: directory, PATH: `${files.path}/bin:${process.env["PATH"]}` };
      const said = async (program: readonly string[], words: string[], input = ""): Promise<string> => {
        const { code, stdout, stderr } = await run(program, words, env, input);
        return code === 0 ? stdout : `exit ${code}: ${stderr}`;
      };
      expect(await said(tiffinCommand(), ["push", "-q", name])).toContain("exit 1");
      const login = ["login", "-u", user[0], "--password-stdin", registry.host];
      // Nothing is stored unencrypted, so nobody is warned.
      expect(await run(tiffinCommand(), login, env, user[1])).toEqual({
        code: 0,
        stdout: "Login Succeeded\n",
        stderr: "",
      });
      expect(JSON.parse(readFileSync(helper.kept, "utf8"))).toEqual({
        ServerURL: registry.host,
        Username: user[0],
        Secret: user[1],
      });
      expect(readFileSync(`${directory}/config.json`, "utf8")).not.toContain(user[1]);
      expect(await said(tiffinCommand(), ["push", "-q", name])).toBe(`${name}\n`);
      expect(await said(theirs, ["pull", "-q", name])).toBe(`${name}\n`);
      expect(await said(tiffinCommand(), ["logout", registry.host])).toContain("Removing login credentials");
      expect(existsSync(helper.kept)).toBe(false);
      expect(helper.calls()).toEqual(expect.arrayContaining(["store", "get", "erase"]));
      expect(await said(tiffinCommand(), ["pull", "-q", name])).toContain("exit 1");

      // What docker has had kept is found here.
      expect(await said(theirs, login, user[1])).toContain("Login Succeeded");
      expect(await said(tiffinCommand(), ["pull", "-q", name])).toBe(`${name}\n`);
      expect(await said(theirs, ["logout", registry.host])).toContain("Removing login credentials");
      expect(await said(tiffinCommand(), ["pull", "-q", name])).toContain("exit 1");
    }
    const broken = `${files.path}/broken`;
    mkdirSync(broken);
    writeFileSync(`${broken}/config.json`, '{"credsStore": "not-there"}');
    const failed = await run(tiffinCommand(), ["pull", name], { DOCKER_CONFIG: broken });
    expect([failed.code, failed.stderr]).toEqual([1, expect.stringContaining("docker-credential-not-there")]);
  },
  60_000,
);
