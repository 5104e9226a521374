/** A Debian made by debootstrap and pushed by podman: pulled, and its package manager, web server and database run. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { statSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { freePort } from "../support/free-port.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { ownStorage, runPeer, tryPeer } from "../support/run-peer.ts";
import { temporaryDirectory } from "../support/temporary-directory.ts";
import { succeeds } from "../support/until.ts";

const makes = hasDockerRegistry && Bun.which("podman") !== null && Bun.which("debootstrap") !== null;
/** Why there is none, where debootstrap cannot make one: no mirror. */
const made = makes ? await tryPeer(["bash", `${import.meta.dir}/../../tools/debian-root.sh`]) : undefined;
const possible = made?.code === 0;

let engine: TestEngine;
let registry: RealRegistry;
let image: string;
beforeAll(async () => {
  if (!possible) return;
  [engine, registry] = await Promise.all([startEngine(), startRegistry()]);
  image = `${registry.host}/debian:bookworm`;
  using files = temporaryDirectory("debian");
  const podman = ["podman", ...ownStorage(files.path)];
  await runPeer([...podman, "import", "-q", made.stdout.trim(), image]);
  await runPeer([...podman, "push", "-q", "--tls-verify=false", image]);
  await engine.output("pull", image);
}, 120_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
});

const why = "(skipped without debootstrap, podman, docker-registry or a Debian mirror)";

test.skipIf(!possible)(`apt-get says its version, and dpkg finds its packages whole ${why}`, async () => {
  expect(await engine.output("run", "--rm", image, "apt-get", "--version")).toStartWith("apt ");
  const verified = await engine.output(
    "run",
    "--rm",
    image,
    "dpkg",
    "--verify",
    "base-files",
    "coreutils",
    "redis-server",
  );
  expect(verified).toBe("");
});

test.skipIf(!possible)(`nginx answers HTTP through a published port ${why}`, async () => {
  const port = freePort();
  const command = ["nginx", "-g", "daemon off;"];
  await engine.output("run", "-d", "--name", "web", "-p", `127.0.0.1:${port}:80`, image, ...command);
  await succeeds(async () => {
    const answer = await fetch(`http://127.0.0.1:${port}/`);
    expect([answer.status, answer.headers.get("server")]).toEqual([200, expect.stringMatching(/^nginx\/1/)]);
    expect(await answer.text()).toContain("Welcome to nginx");
  });
  await engine.output("rm", "-f", "web");
});

test.skipIf(!possible)(
  `redis, as a user of its own, keeps what it is given and answers PING ${why}`,
  async () => {
    const command = ["redis-server", "--save", "", "--dir", "/tmp"];
    await engine.output("run", "-d", "--name", "store", "-u", "redis", image, ...command);
    const redis = (...words: string[]): Promise<string> =>
      engine.output("exec", "store", "redis-cli", ...words);
    await succeeds(async () => expect(await redis("PING")).toBe("PONG"));
    expect(await redis("SET", "lunch", "soup")).toBe("OK");
    expect(await redis("GET", "lunch")).toBe("soup");
    await engine.output("rm", "-f", "store");
  },
);

test.skipIf(!possible)(
  `what is kept of it is less than 1.15 times of its archive without compression ${why}`,
  async () => {
    const kept = await runPeer(["du", "-sc", "-B1", `${engine.root}/layers`, `${engine.root}/staging`]);
    const bytes = Number.parseInt(kept.split("\n").at(-1) ?? "", 10);
    expect(bytes / statSync(made?.stdout.trim() ?? "").size).toBeLessThan(1.15);
  },
);
