/** `manifest`: what docker's own client does with lists of manifests, ours does too, to the byte of what is pushed. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const skopeo = Bun.which("skopeo");
const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "28.0.0") >= 0);
const possible = docker !== undefined && skopeo !== null && hasDockerRegistry;

let engine: TestEngine;
let files: TemporaryDirectory;
let registry: RealRegistry;

beforeAll(async () => {
  if (!possible) return;
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
  files = temporaryDirectory("compat-manifest");
  for (const name of ["box:one", "box:two", "other/box:1"]) {
    await engine.output("tag", "base", `${registry.host}/${name}`);
    await engine.output("push", "-q", `${registry.host}/${name}`);
  }
  const source = `docker://${registry.host}/box:one`;
  const copied = Bun.spawnSync([
    ...[skopeo ?? "", "copy", "-q", "--src-tls-verify=false", "--dest-tls-verify=false"],
    ...["--format", "v2s2", source, `docker://${registry.host}/docker:1`],
  ]);
  expect(copied.exitCode).toBe(0);
}, 60_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

async function run(program: readonly string[], config: string, words: readonly string[]): Promise<Outcome> {
  const started = Bun.spawn([...program, "manifest", ...words], {
    env: { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host, DOCKER_CONFIG: config },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(started);
}

const theirs = (words: readonly string[], config = `${files.path}/theirs`): Promise<Outcome> =>
  run([docker?.path ?? ""], config, words);
const ours = (words: readonly string[], config = `${files.path}/ours`): Promise<Outcome> =>
  run(tiffinCommand(), config, words);

/** Both do the same: what is said on standard output, and how it ends. */
async function both(...words: string[]): Promise<Outcome> {
  // One after the other: this registry refuses either at random when two write the same manifest at once.
  const expected = await theirs(words);
  const found = await ours(words);
  // Standard error is no part of the comparison, but says why when one of them fails alone.
  const why = expected.code === found.code ? "" : `${expected.stderr}${found.stderr}`;
  expect({ words, why, code: found.code, stdout: found.stdout }).toEqual({
    words,
    why: "",
    code: expected.code,
    stdout: expected.stdout,
  });
  return found;
}

/** Both refuse, and in the same words. */
async function bothRefuse(...words: string[]): Promise<void> {
  const [expected, found] = await Promise.all([theirs(words), ours(words)]);
  expect([expected.code, found.code]).toEqual([1, 1]);
  expect(found.stderr).toContain(expected.stderr.trim());
}

const why = possible ? "" : " (skipped without docker 28, skopeo or docker-registry)";

test.skipIf(!possible)(
  `create, amend, annotate, inspect, push and rm say and push what docker's do${why}`,
  async () => {
    const at = (name: string): string => `${registry.host}/${name}`;
    const list = at("list:1");
    await both("inspect", "--insecure", at("box:one"));
    await both("inspect", "--insecure", "-v", at("docker:1"));
    await bothRefuse("inspect", "--insecure", at("box:none"));

    await both("create", "--insecure", list, at("box:one"), at("other/box:1"));
    await bothRefuse("create", "--insecure", list, at("box:two"));
    await both("create", "--insecure", "--amend", list, at("box:two"));
    const features = ["--os-features", "b,a", "--os-features", "a"];
    await both("annotate", "--arch", "arm64", "--variant", "v8", ...features, list, at("box:one"));
    await both("annotate", "--os", "windows", "--os-version", "10.0.1", list, at("other/box:1"));
    await bothRefuse("annotate", "--os", "linux", list, at("box:none"));
    await bothRefuse("annotate", "--os", "linux", at("none:1"), at("box:one"));
    expect((await ours(["annotate", "--arch", "cookie", list, at("box:one")])).stderr).toContain(
      "manifest entry for image has unsupported os/arch combination: linux/cookie",
    );
    await both("inspect", list);
    await both("inspect", "-v", list);
    await both("inspect", list, at("box:one"));
    await bothRefuse("inspect", list, at("box:none"));

    const pushed = await both("push", "--insecure", list);
    expect(pushed.stdout).toMatch(/Pushed ref .*\/list@sha256:[0-9a-f]{64} with digest: sha256:/);
    await both("push", "--insecure", "--purge", list);
    await bothRefuse("push", "--insecure", list);
    await both("inspect", "--insecure", list);
    await both("inspect", "--insecure", "-v", list);
    await bothRefuse("create", "--insecure", at("list:2"), list);

    // In the list's own repository nothing has to be pushed but the list; one of Docker's manifests makes one of Docker's lists.
    await both("create", "--insecure", at("docker:list"), at("docker:1"));
    expect((await both("push", "--insecure", at("docker:list"))).stdout).toMatch(/^sha256:[0-9a-f]{64}\n$/);
    await both("rm", at("docker:list"));
    await bothRefuse("rm", at("docker:list"));
    // What is for this machine is found in the list by whoever pulls it.
    expect(await engine.output("pull", "-q", at("docker:list"))).toBe(at("docker:list"));

    // Either goes on where the other was.
    const shared = `${files.path}/shared`;
    expect((await theirs(["create", "--insecure", at("mixed:1"), at("box:one")], shared)).code).toBe(0);
    expect((await ours(["create", "--insecure", "-a", at("mixed:1"), at("box:two")], shared)).code).toBe(0);
    const shown = await ours(["inspect", "-v", at("mixed:1")], shared);
    expect(shown.stdout).toContain("box:two");
    expect((await theirs(["inspect", "-v", at("mixed:1")], shared)).stdout).toBe(shown.stdout);
    expect((await theirs(["push", "-p", "--insecure", at("mixed:1")], shared)).code).toBe(0);

    await both("create", "--insecure", "127.0.0.1:1/list:1", at("box:one"));
    await bothRefuse("push", "--insecure", "127.0.0.1:1/list:1");
  },
  60_000,
);
