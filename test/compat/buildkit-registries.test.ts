/**
 * A registry that asks for a password, in builds by BuildKit's protocol: bases come from it, images and caches go to it, with what the
 * client knows and the engine does not; and not without.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const [newest] = dockerClients;
/** BuildKit's client is within it. */
const older = dockerClients.find(({ version }) => Bun.semver.order(version, "23.0.0") < 0);
const plugin = join(import.meta.dir, "../../.build/go/plugins/docker-buildx");
const user = ["cook", "lunchtime"] as const;
const possible = older !== undefined && hasDockerRegistry;
const withBuildx = possible && existsSync(plugin) && newest !== undefined;

let engine: TestEngine;
let registry: RealRegistry;
let files: TemporaryDirectory;
const at = (name: string): string => `${files.path}/${name}`;

type Knows = "knows" | "stranger";

function run(program: string | undefined, knows: Knows, ...words: readonly string[]): Promise<Outcome> {
  const env = {
    ...process.env,
    DOCKER_HOST: engine.host,
    DOCKER_BUILDKIT: "1",
    BUILDKIT_PROGRESS: "plain",
    DOCKER_CONFIG: at(knows),
  };
  const options = { env, stdin: "ignore", stdout: "pipe", stderr: "pipe", cwd: at("context") } as const;
  return outcomeOf(Bun.spawn([program ?? "", ...words], options));
}
const docker = (knows: Knows, ...words: readonly string[]): Promise<Outcome> =>
  run(older?.path, knows, ...words);
const buildx = (knows: Knows, ...words: readonly string[]): Promise<Outcome> =>
  run(newest?.path, knows, "buildx", ...words);

function write(path: string, content: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
}

async function forget(...images: readonly string[]): Promise<void> {
  for (const image of images) await docker("knows", "rmi", "-f", image);
  expect(await docker("knows", "builder", "prune", "-af")).toMatchObject({ code: 0 });
}

beforeAll(async () => {
  if (!possible) return;
  files = temporaryDirectory("buildkit-registries");
  [engine, registry] = await Promise.all([startEngine(), startRegistry({ basic: user })]);
  const auth = Buffer.from(user.join(":")).toString("base64");
  write("knows/config.json", JSON.stringify({ auths: { [registry.host]: { auth } } }));
  write("stranger/config.json", "{}");
  if (withBuildx) {
    for (const knows of ["knows", "stranger"]) {
      mkdirSync(at(`${knows}/cli-plugins`));
      cpSync(plugin, at(`${knows}/cli-plugins/docker-buildx`));
    }
  }
  write("context/menu", "soup\n");
  write("context/base.Dockerfile", "FROM base\nCOPY menu /menu\nRUN date +%N > /once\n");
  write("context/Dockerfile", `FROM ${registry.host}/private:1\nRUN echo for two >> /menu\n`);
  write("context/cached.Dockerfile", "FROM base\nRUN date +%N > /cached\n");
}, 90_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

test.skipIf(!possible)(
  "a base comes with the client's password, and not without (skipped without docker-registry)",
  async () => {
    const base = `${registry.host}/private:1`;
    const file = ["-f", "base.Dockerfile", "-t", base, "."];
    expect(await docker("knows", "build", ...file)).toMatchObject({ code: 0 });
    expect(await docker("knows", "push", base)).toMatchObject({ code: 0 });
    await forget(base);
    const refused = await docker("stranger", "build", ".");
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/unauthorized|no basic auth|denied|authentication/i);
    const built = await docker("knows", "build", "-t", "lunch", ".");
    expect({ code: built.code, stderr: built.code === 0 ? "" : built.stderr }).toEqual({
      code: 0,
      stderr: "",
    });
    expect(`${built.stderr}${refused.stderr}`).not.toContain(user[1]);
    const menu = await docker("knows", "run", "--rm", "--network", "none", "lunch", "cat", "/menu");
    expect(menu.stdout).toBe("soup\nfor two\n");
  },
  120_000,
);

test.skipIf(!possible)(
  "an image has its cache within it, and is taken from by another build (skipped without docker-registry)",
  async () => {
    const image = `${registry.host}/inline:1`;
    const words = ["build", "-f", "cached.Dockerfile", "--build-arg", "BUILDKIT_INLINE_CACHE=1", "-t", image];
    expect(await docker("knows", ...words, ".")).toMatchObject({ code: 0 });
    expect(await docker("knows", "push", image)).toMatchObject({ code: 0 });
    const once = (): Promise<Outcome> =>
      docker("knows", "run", "--rm", "--network", "none", image, "cat", "/cached");
    const first = await once();
    await forget(image);
    const again = await docker("knows", ...words, "--cache-from", image, ".");
    expect(again).toMatchObject({ code: 0 });
    expect(again.stderr).toMatch(/#\d+ CACHED/);
    expect((await once()).stdout).toBe(first.stdout);
  },
  120_000,
);

test.skipIf(!withBuildx)(
  `buildx pushes what it built, by both words for it${withBuildx ? "" : " (buildx is not built on this machine)"}`,
  async () => {
    const [pushed, output] = [`${registry.host}/pushed:1`, `${registry.host}/output:1`];
    const file = ["-f", "base.Dockerfile", "."];
    const refused = await buildx("stranger", "build", "--push", "-t", pushed, ...file);
    expect(refused.code).not.toBe(0);
    expect(refused.stderr).toMatch(/unauthorized|no basic auth|denied|authentication/i);
    const first = await buildx("knows", "build", "--push", "-t", pushed, ...file);
    expect({ code: first.code, stderr: first.code === 0 ? "" : first.stderr }).toEqual({
      code: 0,
      stderr: "",
    });
    const second = await buildx("knows", "build", "-o", `type=registry,name=${output}`, ...file);
    expect({ code: second.code, stderr: second.code === 0 ? "" : second.stderr }).toEqual({
      code: 0,
      stderr: "",
    });
    await forget(pushed, output);
    for (const image of [pushed, output]) {
      expect(await docker("knows", "pull", image)).toMatchObject({ code: 0 });
      const menu = await docker("knows", "run", "--rm", "--network", "none", image, "cat", "/menu");
      expect(menu.stdout).toBe("soup\n");
    }
  },
  120_000,
);
