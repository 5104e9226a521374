/** Images made by docker, podman, buildah, skopeo and umoci: pulled, run, and pushed elsewhere with the digest that they had. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { copyFileSync, mkdirSync, writeFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { ownStorage, runPeer } from "../support/run-peer.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const programs = ["podman", "buildah", "skopeo", "umoci"] as const;
const missing: readonly string[] = programs.filter((name) => Bun.which(name) === null);
const docker = dockerClients[0]?.path;

let engine: TestEngine;
let files: TemporaryDirectory;
let registry: RealRegistry;
let elsewhere: RealRegistry;

beforeAll(async () => {
  if (!hasDockerRegistry) return;
  [engine, registry, elsewhere] = await Promise.all([startEngine(), startRegistry(), startRegistry()]);
  files = temporaryDirectory("image-makers");
  const context = `${files.path}/context`;
  mkdirSync(context);
  copyFileSync("/bin/busybox", `${context}/busybox`);
  writeFileSync(`${context}/recipe`, recipe("an"));
}, 60_000);
afterAll(async () => {
  if (!hasDockerRegistry) return;
  await engine[Symbol.asyncDispose]();
  await Promise.all([registry[Symbol.asyncDispose](), elsewhere[Symbol.asyncDispose]()]);
  files[Symbol.dispose]();
});

/** Needs no command run while building, so no network and no runtime. */
const recipe = (maker: string): string =>
  `FROM scratch\nCOPY busybox /bin/busybox\nCOPY recipe /recipe\nENV MAKER=${maker}\n` +
  `LABEL made=yes\nENTRYPOINT ["/bin/busybox"]\nCMD ["sh", "-c", "echo $MAKER"]\n`;

const storage = (): string[] => ownStorage(files.path);
const remote = (name: string): string => `${registry.host}/${name}:1`;

/** Ways to an image in the registry; each prints the maker's name when it runs. */
const makers: Readonly<Record<string, (name: string) => Promise<void>>> = {
  async "podman build, layers as gzip"(name) {
    await byPodman(name, "podman", "gzip");
  },
  async "podman build, layers as zstd"(name) {
    await byPodman(name, "podman", "zstd");
  },
  async "buildah bud, Docker's format"(name) {
    const built = ["bud", "-q", "--isolation", "chroot", "--format", "docker", "-t", "by-buildah"];
    const context = contextOf("buildah");
    await runPeer(["buildah", ...storage(), ...built, "-f", `${context}/recipe`, context]);
    await runPeer(["buildah", ...storage(), "push", "-q", "--tls-verify=false", "by-buildah", remote(name)]);
  },
  async "buildah from, copy, config and commit"(name) {
    const buildah = (...words: string[]): Promise<string> => runPeer(["buildah", ...storage(), ...words]);
    const container = await buildah("from", "scratch");
    await buildah("copy", "-q", container, `${files.path}/context/busybox`, "/bin/busybox");
    await buildah("config", "--entrypoint", '["/bin/busybox"]', "--cmd", "echo buildah", container);
    await buildah("commit", "-q", "--rm", container, "committed");
    await buildah("push", "-q", "--tls-verify=false", "committed", remote(name));
  },
  async umoci(name) {
    const layout = `${files.path}/layout`;
    await umociImage(layout);
    await runPeer([
      "skopeo",
      "copy",
      "-q",
      "--dest-tls-verify=false",
      `oci:${layout}:1`,
      `docker://${remote(name)}`,
    ]);
  },
  async "skopeo, from OCI to Docker's schema 2"(name) {
    const layout = `${files.path}/layout-2`;
    await umociImage(layout, "skopeo");
    const words = ["copy", "-q", "--dest-tls-verify=false", "--format", "v2s2"];
    await runPeer(["skopeo", ...words, `oci:${layout}:1`, `docker://${remote(name)}`]);
  },
};

function contextOf(maker: string): string {
  writeFileSync(`${files.path}/context/recipe`, recipe(maker));
  return `${files.path}/context`;
}

async function byPodman(name: string, maker: string, compression: string): Promise<void> {
  const podman = (...words: string[]): Promise<string> => runPeer(["podman", ...storage(), ...words]);
  const context = contextOf(maker);
  await podman("build", "-q", "--isolation", "chroot", "-t", "by-podman", "-f", `${context}/recipe`, context);
  const options = ["--tls-verify=false", "--compression-format", compression, "--format", "oci"];
  await podman("push", "-q", ...options, "by-podman", remote(name));
}

async function umociImage(layout: string, maker = "umoci"): Promise<void> {
  const bundle = `${layout}-bundle`;
  await runPeer(["umoci", "init", "--layout", layout]);
  await runPeer(["umoci", "new", "--image", `${layout}:1`]);
  await runPeer(["umoci", "unpack", "--image", `${layout}:1`, bundle]);
  mkdirSync(`${bundle}/rootfs/bin`);
  copyFileSync("/bin/busybox", `${bundle}/rootfs/bin/busybox`);
  await runPeer(["umoci", "repack", "--image", `${layout}:1`, bundle]);
  writeFileSync(`${bundle}/rootfs/second`, "layer");
  await runPeer(["umoci", "repack", "--refresh-bundle", "--image", `${layout}:1`, bundle]);
  const words = ["/bin/busybox", "echo", maker].flatMap((word) => ["--config.cmd", word]);
  await runPeer(["umoci", "config", "--image", `${layout}:1`, ...words]);
}

async function digestAt(host: RealRegistry, name: string): Promise<string | null> {
  const types = ["vnd.oci.image.manifest.v1", "vnd.docker.distribution.manifest.v2"];
  const answer = await fetch(`http://${host.host}/v2/${name}/manifests/1`, {
    method: "HEAD",
    headers: { accept: types.map((type) => `application/${type}+json`).join(", ") },
  });
  expect([name, answer.status]).toEqual([name, 200]);
  return answer.headers.get("docker-content-digest");
}

/** Pulls and runs it, and pushes it to another repository and to another registry, where it has the same digest. */
async function usedHere(name: string, maker: string): Promise<void> {
  const image = remote(name);
  const digest = await digestAt(registry, name);
  expect(await engine.output("pull", image)).toContain(`Digest: ${digest}`);
  expect(await engine.output("run", "--rm", "--network", "none", image)).toBe(maker);
  expect(await engine.output("run", "--rm", `${registry.host}/${name}@${digest}`)).toBe(maker);
  for (const host of [registry, elsewhere]) {
    const again = `${host.host}/again/${name}:1`;
    await engine.output("tag", image, again);
    expect(await engine.output("push", again)).toContain(`1: digest: ${digest} `);
    expect(await digestAt(host, `again/${name}`)).toBe(digest);
  }
  await engine.output(
    "rmi",
    "-f",
    image,
    `${registry.host}/again/${name}:1`,
    `${elsewhere.host}/again/${name}:1`,
  );
  expect(await engine.output("run", "--rm", "-q", `${elsewhere.host}/again/${name}:1`)).toBe(maker);
}

describe.skipIf(!hasDockerRegistry || missing.length > 0)(
  "without an engine (skipped where there is no podman, buildah, skopeo, umoci or docker-registry)",
  () => {
    test.each(Object.entries(makers).map(([way, make], index) => [way, make, index] as const))(
      "%s",
      async (way, make, index) => {
        const name = `made-${index}`;
        await make(name);
        await usedHere(name, /^\w+/.exec(way)?.[0] ?? "");
      },
      60_000,
    );
  },
);

describe.skipIf(!hasDockerRegistry || !hasDockerd || docker === undefined)(
  "dockerd (skipped where there is none, or no docker-registry)",
  () => {
    test("import, commit and push", async () => {
      await using dockerd = await OwnDockerd.start();
      for (const { port } of [registry, elsewhere]) await dockerd.reach(port);
      const client = (...words: string[]): Promise<string> =>
        runPeer([docker ?? "", "--host", `unix://${dockerd.socket}`, ...words]);
      await client("create", "--name", "maker", "base", "echo", "docker");
      await client("cp", `${files.path}/context/recipe`, "maker:/recipe");
      await client("commit", "-m", "with a recipe", "maker", remote("by-docker"));
      await client("rm", "maker");
      await client("push", "-q", remote("by-docker"));
      await usedHere("by-docker", "docker");
      await client("pull", "-q", `${elsewhere.host}/again/by-docker:1`);
      const id = await client("image", "inspect", "-f", "{{.Id}}", remote("by-docker"));
      expect(await client("image", "inspect", "-f", "{{.Id}}", `${elsewhere.host}/again/by-docker:1`)).toBe(
        id,
      );
    }, 60_000);
  },
);

test.skipIf(!hasDockerRegistry || missing.length > 0)(
  "nothing was sent twice to the registry that had it: its other repository got it by a mount (skipped like the makers)",
  () => {
    const lines = registry.log().split("\n");
    const count = (pattern: RegExp): number => lines.filter((line) => pattern.test(line)).length;
    // Two layers are mounted; the configuration, which every image here has, is sent.
    expect(
      count(/again\/made-0\/blobs\/uploads\/\?mount=sha256\S*from=made-0.* http.response.status=201/),
    ).toBe(2);
    expect(count(/method=PUT .*again\/made-0\/blobs\/uploads/)).toBe(1);
  },
);
