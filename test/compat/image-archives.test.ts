/** Archives between the engine, docker, podman and skopeo: of both kinds, in every compression, in both directions. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { ownStorage, runPeer } from "../support/run-peer.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const podman = Bun.which("podman");
const skopeo = Bun.which("skopeo");
const docker = dockerClients[0]?.path;

const compressions = ["gzip", "zstd", "bzip2", "xz"] as const;

let engine: TestEngine;
let files: TemporaryDirectory;
let id: string;
/** What the engine saves, plain, and as each program makes it smaller. */
let saved: string;
beforeAll(async () => {
  engine = await startEngine();
  files = temporaryDirectory("image-archives");
  // Two layers, one of them with a mark of what is gone.
  const container = await engine.output("create", "base", "sh", "-c", "rm /bin/seq; echo two >/layers");
  await engine.output("start", "-a", container);
  await engine.output("commit", "-c", 'CMD ["cat", "/layers"]', container, "two/layers:1");
  await engine.output("rm", container);
  id = await engine.output("image", "inspect", "-f", "{{.Id}}", "two/layers:1");
  saved = `${files.path}/saved.tar`;
  await engine.output("save", "-o", saved, "two/layers:1");
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** The archive made smaller by the program of that name, beside it. */
async function compressed(archive: string, compression: string): Promise<string> {
  await runPeer([compression, "-1", "-k", "-f", archive]);
  const ending = { gzip: "gz", zstd: "zst", bzip2: "bz2", xz: "xz" }[compression];
  return `${archive}.${ending}`;
}

/** The engine takes the archive for the image that it has saved, and it runs. */
async function loadedHere(archive: string, name: string): Promise<void> {
  await engine.cli("rmi", "-f", "two/layers:1");
  expect(await engine.output("load", "-q", "-i", archive)).toBe(`Loaded image: ${name}`);
  expect(await engine.output("run", "--rm", "--network", "none", name)).toBe("two");
  const gone = await engine.cli("run", "--rm", "--network", "none", name, "ls", "/bin/seq");
  expect([gone.exitCode, gone.stderr]).toEqual([1, expect.stringContaining("No such file")]);
  const layers = await engine.output("image", "inspect", "-f", "{{len .RootFS.Layers}}", name);
  expect(layers).toBe("2");
  if (name !== "two/layers:1") await engine.output("rmi", name);
  await engine.output("load", "-q", "-i", saved);
  expect(await engine.output("image", "inspect", "-f", "{{.Id}}", "two/layers:1")).toBe(id);
}

test.skipIf(compressions.some((name) => Bun.which(name) === null))(
  "what gzip, zstd, bzip2 and xz make of an archive is loaded as it is (skipped without the four programs)",
  async () => {
    for (const compression of compressions)
      await loadedHere(await compressed(saved, compression), "two/layers:1");
  },
);

describe.skipIf(podman === null)("podman (skipped where there is none)", () => {
  const there = (...words: string[]): Promise<string> =>
    runPeer([podman ?? "", ...ownStorage(files.path), ...words]);

  test.each([...compressions])("loads what we save, as %s, under the same id", async (compression) => {
    await there("load", "-q", "-i", await compressed(saved, compression));
    expect(`sha256:${await there("image", "inspect", "-f", "{{.Id}}", "two/layers:1")}`).toBe(id);
    await there("rmi", "-f", "two/layers:1");
  });

  test.each(["docker-archive", "oci-archive"])(
    "saves as %s what we load, in every compression",
    async (format) => {
      await there("load", "-q", "-i", saved);
      await there("tag", "two/layers:1", "localhost/theirs/box:2");
      const archive = `${files.path}/podman-${format}.tar`;
      await there("save", "-q", "--format", format, "-o", archive, "localhost/theirs/box:2");
      for (const one of [archive, await compressed(archive, "zstd"), await compressed(archive, "xz")]) {
        await loadedHere(one, "localhost/theirs/box:2");
      }
    },
  );
});

describe.skipIf(!hasDockerd || docker === undefined)("dockerd (skipped where there is none)", () => {
  test("loads what we save, plain and as gzip, bzip2 and xz, and saves what we load", async () => {
    await using dockerd = await OwnDockerd.start();
    const there = (...words: string[]): Promise<string> =>
      runPeer([docker ?? "", "--host", `unix://${dockerd.socket}`, ...words]);
    for (const compression of ["gzip", "bzip2", "xz"]) {
      await there("load", "-q", "-i", await compressed(saved, compression));
      expect(await there("image", "inspect", "-f", "{{.Id}}", "two/layers:1")).toBe(id);
      await there("rmi", "two/layers:1");
    }
    await there("load", "-q", "-i", saved);
    const back = `${files.path}/docker.tar`;
    await there("save", "-o", back, "two/layers:1");
    for (const compression of compressions)
      await loadedHere(await compressed(back, compression), "two/layers:1");
  }, 60_000);
});

describe.skipIf(skopeo === null)("skopeo (skipped where there is none)", () => {
  const copy = (...words: string[]): Promise<string> =>
    runPeer([skopeo ?? "", "copy", "-q", "--insecure-policy", ...words]);

  test("takes an archive of ours for Docker's and for an OCI layout, and what it makes of them is loaded", async () => {
    const layout = `${files.path}/layout`;
    mkdirSync(layout);
    await runPeer(["tar", "-C", layout, "-xf", saved]);
    for (const [index, source] of [
      `docker-archive:${saved}`,
      `oci:${layout}`,
      `oci-archive:${saved}`,
    ].entries()) {
      for (const kind of ["docker-archive", "oci-archive"]) {
        const archive = `${files.path}/skopeo-${index}-${kind}.tar`;
        const name = `skopeo.test/${kind}/box:${index}`;
        await copy(source, `${kind}:${archive}:${name}`);
        await loadedHere(archive, name);
      }
    }
  });

  test("fetches from the engine's socket and sends to it, by the version that it says without asking", async () => {
    const archive = `${files.path}/of-the-socket.tar`;
    await copy(
      "--src-daemon-host",
      engine.host,
      "docker-daemon:two/layers:1",
      `oci-archive:${archive}:a.test/b:1`,
    );
    await loadedHere(archive, "a.test/b:1");
    const name = "through.test/skopeo:1";
    await copy("--dest-daemon-host", engine.host, `oci-archive:${archive}`, `docker-daemon:${name}`);
    expect(await engine.output("run", "--rm", "--network", "none", name)).toBe("two");
    expect(await engine.output("image", "inspect", "-f", "{{.Id}}", name)).toMatch(/^sha256:/);
    const shown = await runPeer([
      ...[
        skopeo ?? "",
        "inspect",
        "--daemon-host",
        engine.host,
        "-f",
        "{{len .Layers}}",
        `docker-daemon:${name}`,
      ],
    ]);
    expect(shown).toBe("2");
    await engine.output("rmi", name);
  });
});
