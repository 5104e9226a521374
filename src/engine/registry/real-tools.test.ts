/** Images that docker and podman themselves have pushed to docker-registry, and what we push pulled by them. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { sha256, tarWith } from "../../../test/support/oci-layout.ts";
import { hasDockerd, OwnDockerd } from "../../../test/support/own-dockerd.ts";
import { hasDockerRegistry, startRegistry } from "../../../test/support/real-registry.ts";
import { temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { parseReference } from "../../docker/reference.ts";
import type { PulledImage } from "./contract.ts";
import { openRegistryClient } from "./registry-client.ts";
import { MemorySink } from "./testing/memory-sink.ts";

const tar = tarWith("file", Buffer.from(`made ${Math.floor(performance.timeOrigin)}\n`.repeat(10_000)));
const client = openRegistryClient({ userAgent: "tiffin/test" });

async function run(...argv: string[]): Promise<string> {
  const child = Bun.spawn(argv, { stdout: "pipe", stderr: "pipe", stdin: "ignore" });
  const [stderr, stdout] = await Promise.all([child.stderr.text(), child.stdout.text()]);
  if ((await child.exited) !== 0) throw new Error(`${argv.join(" ")}: ${stderr}${stdout}`);
  return stdout.trim();
}

const hasPodman = Bun.which("podman") !== null;

/** Pushes the pulled image again under another name, with its blobs from where it was pulled. */
async function pushAgain(pulled: PulledImage, name: string): Promise<string> {
  const { digest } = await client.pushImage({
    reference: parseReference(name),
    configBytes: pulled.configBytes,
    manifestBytes: pulled.manifestBytes,
    layers: pulled.layers.map((layer) => ({
      ...layer,
      sources: [pulled.repository],
      async *openTar() {
        yield await Promise.resolve(tar);
      },
    })),
  });
  return digest;
}

describe.skipIf(!hasDockerRegistry || !hasDockerd)("docker", () => {
  test("pushes what we pull, and pulls what we push", async () => {
    await using registry = await startRegistry();
    using directory = temporaryDirectory("docker-push");
    const file = join(directory.path, "root.tar");
    writeFileSync(file, tar);
    const name = `${registry.host}/by-docker:1`;
    const again = `${registry.host}/again:1`;
    const engine = await OwnDockerd.start();
    await engine.reach(registry.port);
    const docker = (...argv: string[]): Promise<string> =>
      run("docker", "--host", `unix://${engine.socket}`, ...argv);
    try {
      const id = await docker("import", file, name);
      await docker("push", name);
      const sink = new MemorySink();
      const pulled = await client.pullImage({ reference: parseReference(name) }, sink);
      expect(pulled.id).toBe(id);
      expect([...sink.layers.keys()]).toEqual([sha256(tar)]);
      expect(await pushAgain(pulled, again)).toBe(pulled.digest);
      await docker("rmi", name);
      await docker("pull", again);
      expect(await docker("image", "inspect", "-f", "{{.Id}}", again)).toBe(id);
    } finally {
      await engine[Symbol.asyncDispose]();
    }
  });
});

describe.skipIf(!hasDockerRegistry || !hasPodman)("podman", () => {
  test.each(["gzip", "zstd"])("pushes what we pull, with %s, and pulls what we push", async (compression) => {
    await using registry = await startRegistry();
    using directory = temporaryDirectory("podman-push");
    const file = join(directory.path, "root.tar");
    writeFileSync(file, tar);
    const podman = (...argv: string[]): Promise<string> =>
      run(
        ...["podman", "--root", join(directory.path, "root"), "--runroot", join(directory.path, "run")],
        ...["--storage-driver", "vfs", ...argv],
      );
    const name = `${registry.host}/by-podman:1`;
    const again = `${registry.host}/again:1`;
    await podman("import", "-q", file, name);
    await podman("push", "-q", "--tls-verify=false", "--compression-format", compression, name);
    const sink = new MemorySink();
    const pulled = await client.pullImage({ reference: parseReference(name) }, sink);
    expect([...sink.layers.keys()]).toEqual([sha256(tar)]);
    expect(pulled.layers[0]?.descriptor.mediaType).toEndWith(compression);
    expect(await pushAgain(pulled, again)).toBe(pulled.digest);
    await podman("rmi", "-f", name);
    await podman("pull", "-q", "--tls-verify=false", again);
    expect(`sha256:${await podman("image", "inspect", "--format", "{{.Id}}", again)}`).toBe(pulled.id);
  });
});
