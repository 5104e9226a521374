/** Images between Tiffin and the real tools: docker's clients at our socket, and archives and registries shared with docker, podman and skopeo. */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { archiveOf } from "../support/layer-archive.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const skopeo = Bun.which("skopeo");
const podman = Bun.which("podman");
const user = ["cook", "lunchtime"] as const;

let engine: TestEngine;
let files: TemporaryDirectory;
let registry: RealRegistry | undefined;

beforeAll(async () => {
  engine = await startEngine();
  files = temporaryDirectory("compat-images");
  mkdirSync(`${files.path}/root`);
  const root = makeBusyboxRoot(`${files.path}/root`);
  expect(Bun.spawnSync(["tar", "-C", root, "-cf", `${files.path}/root.tar`, "."]).exitCode).toBe(0);
  await engine.output("import", "-c", 'CMD ["sh"]', "-c", "ENV A=b", `${files.path}/root.tar`, "our/box:1");
  if (hasDockerRegistry) registry = await startRegistry({ basic: user });
}, 60_000);
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  await registry?.[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

interface Done {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

async function run(words: readonly string[], env: Record<string, string>, input?: Blob): Promise<Done> {
  const started = Bun.spawn([...words], {
    env: { ...process.env, ...env },
    stdin: input ?? "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [stdout, stderr, code] = await Promise.all([
    new Response(started.stdout).text(),
    new Response(started.stderr).text(),
    started.exited,
  ]);
  return { code, stdout, stderr };
}

async function output(words: readonly string[], env: Record<string, string>, input?: Blob): Promise<string> {
  const done = await run(words, env, input);
  if (done.code !== 0) throw new Error(`${words.join(" ")}: exit ${done.code}: ${done.stderr}`);
  return done.stdout.trim();
}

const idOf = (name: string): Promise<string> => engine.output("image", "inspect", "-f", "{{.Id}}", name);

/** Says that a million bytes come, and ends before. */
function serveCutFile(): Disposable & { readonly port: number } {
  const listener = Bun.listen({
    hostname: "127.0.0.1",
    port: 0,
    socket: {
      data(socket) {
        socket.write("HTTP/1.1 200 OK\r\nContent-Length: 1000000\r\n\r\n");
        socket.write(readFileSync(`${files.path}/root.tar`).subarray(0, 20_000));
        socket.end();
      },
    },
  });
  return { port: listener.port, [Symbol.dispose]: () => listener.stop(true) };
}

/** The root file system for who gives the right password. */
function serveFiles(): Disposable & { readonly port: number | undefined } {
  const server = Bun.serve({
    hostname: "127.0.0.1",
    port: 0,
    fetch(request) {
      const { pathname } = new URL(request.url);
      const isKnown = request.headers.get("authorization") === `Basic ${btoa("cook:lunch")}`;
      if (pathname === "/root.tar" && !isKnown) return new Response("who?", { status: 401 });
      if (pathname === "/root.tar") return new Response(Bun.file(`${files.path}/root.tar`));
      return new Response("none", { status: 404 });
    },
  });
  return { port: server.port, [Symbol.dispose]: () => void server.stop(true) };
}

if (dockerClients.length === 0) test.skip("docker: all of it (no client is installed)", () => {});

describe.each(dockerClients.map(({ version, path }) => [version, path] as const))(
  "docker %s",
  (version, docker) => {
    const client = (...args: string[]): Promise<string> =>
      output([docker, ...args], {
        DOCKER_HOST: engine.host,
        DOCKER_CONFIG: `${files.path}/config-${version}`,
      });
    const failing = async (...args: string[]): Promise<string> => {
      const env = { DOCKER_HOST: engine.host, DOCKER_CONFIG: `${files.path}/config-${version}` };
      const done = await run([docker, ...args], env);
      expect(done.code).not.toBe(0);
      return done.stderr;
    };

    test("tag, images, history, image inspect and rmi", async () => {
      const id = await idOf("our/box:1");
      await client("tag", "our/box:1", "copy/box:2");
      expect(
        await client("images", "--no-trunc", "--format", "{{.Repository}}:{{.Tag}} {{.ID}}", "copy/box"),
      ).toBe(`copy/box:2 ${id}`);
      expect(
        await client("image", "inspect", "--format", "{{index .Config.Env 0}} {{json .RepoTags}}", id),
      ).toBe('A=b ["copy/box:2","our/box:1"]');
      expect(await client("history", "--format", "{{.Comment}}", "copy/box:2")).toBe("Imported from -");
      expect(await client("rmi", "copy/box:2")).toBe("Untagged: copy/box:2");
      expect(await failing("rmi", "copy/box:2")).toContain("No such image: copy/box:2");
      await client("create", "--name", "keeper", "our/box:1");
      expect(await failing("rmi", "our/box:1")).toContain("(must force) - container");
      await client("rm", "keeper");
      expect(await client("images", "-q", "--filter", "dangling=true")).toBe("");
    });

    test("another platform than the image's is refused in Docker's words, by every request that names one", async () => {
      const architecture = await client("image", "inspect", "-f", "{{.Architecture}}", "our/box:1");
      const refusal = (name: string): string =>
        `image with reference ${name} was found but its platform (linux/${architecture}) does not match the specified platform (linux/s390x)`;
      expect(await failing("create", "--pull", "never", "--platform", "linux/s390x", "our/box:1")).toContain(
        refusal("our/box:1"),
      );
      for (const platform of [architecture, `linux/${architecture}`]) {
        expect(await client("run", "--rm", "--platform", platform, "our/box:1", "echo", "ran")).toBe("ran");
      }
      // What is set for all commands is as good as said; both clients read it.
      const everywhere = { DOCKER_HOST: engine.host, DOCKER_DEFAULT_PLATFORM: "linux/s390x" };
      for (const program of [[docker], tiffinCommand("--host", engine.host)]) {
        const done = await run([...program, "create", "--pull", "never", "our/box:1"], everywhere);
        expect([done.code, done.stderr]).toEqual([1, expect.stringContaining(refusal("our/box:1"))]);
      }
      // Older clients cannot name one.
      if (Bun.semver.order(version, "28.2.0") < 0) return;
      const other = "linux/s390x";
      await client("tag", "our/box:1", "platform/box:1");
      for (const words of [
        ["image", "inspect"],
        ["history"],
        ["rmi"],
        ["push", "-q"],
        ["save", "-o", `${files.path}/platform.tar`],
      ]) {
        const said = await failing(...words, "--platform", other, "platform/box:1");
        expect(said).toContain(refusal("platform/box:1"));
      }
      const own = `linux/${architecture}`;
      const id = await idOf("our/box:1");
      expect(await client("image", "inspect", "--platform", own, "-f", "{{.Id}}", "platform/box:1")).toBe(id);
      expect(await client("history", "--platform", own, "-q", "--no-trunc", "platform/box:1")).toBe(id);
      await client("save", "--platform", own, "-o", `${files.path}/platform.tar`, "platform/box:1");
      expect(await failing("load", "--platform", other, "-i", `${files.path}/platform.tar`)).toContain(
        "s390x",
      );
      expect(await client("rmi", "--platform", own, "platform/box:1")).toBe("Untagged: platform/box:1");
      expect(await client("load", "--platform", own, "-i", `${files.path}/platform.tar`)).toContain(
        "Loaded image: platform/box:1",
      );
      await client("rmi", "platform/box:1");
    });

    test("save and load: the same image comes back", async () => {
      const id = await idOf("our/box:1");
      await client("save", "-o", `${files.path}/saved.tar`, "our/box:1");
      await client("rmi", "our/box:1");
      expect(await client("load", "-i", `${files.path}/saved.tar`)).toBe("Loaded image: our/box:1");
      expect(await idOf("our/box:1")).toBe(id);
      expect(await failing("load", "-i", `${files.path}/root.tar`)).toContain(
        "neither a manifest.json nor an index.json",
      );
    });

    test("import of standard input, run, and prune", async () => {
      const input = new Blob([readFileSync(`${files.path}/root.tar`)]);
      const env = { DOCKER_HOST: engine.host };
      const id = await output([docker, "import", "--change", "ENV B=c", "-", "made:1"], env, input);
      expect(id).toMatch(/^sha256:[0-9a-f]{64}$/);
      expect(await client("run", "--rm", "made:1", "sh", "-c", "echo $B")).toBe("c");
      const pruned = await client("image", "prune", "-a", "-f", "--filter", "label!=none");
      expect(pruned).toContain("untagged: made:1");
      await engine.output("load", "-q", "-i", `${files.path}/saved.tar`);
    });

    test("commit with an author, a message and changes; the image that it was made from stays with --no-prune", async () => {
      await client("create", "--name", "source", "our/box:1", "sh", "-c", "echo > /new");
      await client("start", "-a", "source");
      const words = ["-a", "cook", "-m", "more", "-c", "ENV NEW=1", "-p=false", "source"];
      const id = await client("commit", ...words, "child/box:1");
      await client("rm", "source");
      const shown = "{{.Author}} {{.Comment}} {{json .Config.Env}}";
      expect(await client("image", "inspect", "-f", shown, "child/box:1")).toBe('cook more ["A=b","NEW=1"]');
      expect(await client("history", "-q", "--no-trunc", "child/box:1")).toBe(
        `${id}\n${await idOf("our/box:1")}`,
      );
      const parent = await idOf("our/box:1");
      await client("tag", "our/box:1", "kept/box:1");
      await client("rmi", "our/box:1");
      await client("rmi", "kept/box:1");
      expect(await client("rmi", "--no-prune", "child/box:1")).not.toContain(`Deleted: ${parent}`);
      expect(await client("images", "-q", "--no-trunc")).toContain(parent);
      await client("tag", parent, "our/box:1");
    });

    test("import from a URL: told about as it comes, without the password that is in it", async () => {
      using server = serveFiles();
      const { port } = server;
      const url = `http://cook:lunch@127.0.0.1:${port}/root.tar`;
      const options = ["-m", "fetched", "-c", "ENV FROM=url", "--platform", "linux/arm64"];
      const said = await client("import", ...options, url, "fetched/box:1");
      expect(said).toStartWith(`Downloading from http://cook:xxxxx@127.0.0.1:${port}/root.tar\n`);
      expect(said).toMatch(/\nsha256:[0-9a-f]{64}$/);
      const shown = "{{.Os}}/{{.Architecture}} {{.Comment}} {{.Config.Env}}";
      expect(await client("image", "inspect", "-f", shown, "fetched/box:1")).toBe(
        "linux/arm64 fetched [FROM=url]",
      );
      await client("rmi", "fetched/box:1");
      expect(await failing("import", `http://127.0.0.1:${port}/none.tar`, "none")).toContain("answers 404");
      expect(await failing("import", `http://127.0.0.1:${port}/root.tar`, "none")).toContain("answers 401");
      using cut = serveCutFile();
      const failed = await failing("import", `http://127.0.0.1:${cut.port}/cut.tar`, "none");
      expect(failed).toContain(
        `cannot import from http://127.0.0.1:${cut.port}/cut.tar: the connection was closed`,
      );
      expect(await client("images", "-q", "none")).toBe("");
    });

    test.skipIf(!hasDockerRegistry)(
      "login, push and pull, by tag and by digest (skipped where there is no docker-registry)",
      async () => {
        const host = registry?.host ?? "";
        const id = await idOf("our/box:1");
        const name = `${host}/box:${version}`;
        await client("tag", "our/box:1", name);
        expect(await failing("push", name)).toMatch(/denied|unauthorized|no basic auth/);
        expect(await failing("login", "-u", user[0], "-p", "wrong", host)).toContain("unauthorized");
        expect(await client("login", "-u", user[0], "-p", user[1], host)).toContain("Login Succeeded");
        const digest = /digest: (sha256:[0-9a-f]{64})/.exec(await client("push", name))?.[1] ?? "";
        await client("rmi", name);
        expect(await client("pull", name)).toContain(`Digest: ${digest}`);
        expect(await idOf(name)).toBe(id);
        expect(await client("pull", name)).toContain("Status: Image is up to date");
        expect(await failing("pull", "--platform", "linux/s390x", name)).toContain("linux/s390x");
        expect(await client("pull", `${host}/box@${digest}`)).toContain(digest);
        expect(await client("run", "--rm", `${host}/box@${digest}`, "echo", "ran")).toBe("ran");
        expect(await failing("pull", `${host}/nothing:1`)).toMatch(/not found|manifest unknown|denied/);
        // The digest goes with the last tag of its repository.
        await client("rmi", name);
        expect(await client("images", "-q", "--digests", `${host}/box`)).toBe("");
        expect(await client("run", "--rm", name, "echo", "pulled")).toBe("pulled");
        await client("rmi", name);

        // Every tag of a repository, there and back.
        const both = `${host}/both/box-${version}`;
        for (const tag of ["one", "two"]) await client("tag", "our/box:1", `${both}:${tag}`);
        const sent = await client("push", "--all-tags", both);
        expect(sent).toContain(`The push refers to repository [${both}]`);
        for (const tag of ["one", "two"]) expect(sent).toContain(`${tag}: digest: sha256:`);
        await client("rmi", `${both}:one`, `${both}:two`);
        const got = await client("pull", "--all-tags", both);
        expect(got).toContain("one: Pulling from both/box-");
        expect(got).toContain("two: Pulling from both/box-");
        expect(got).toMatch(new RegExp(`\nStatus: Downloaded newer image for ${both}\n${both}$`));
        expect(await client("images", "--format", "{{.Tag}}", both)).toBe("one\ntwo");
        expect(await client("pull", "-q", "-a", both)).toBe(both);
        expect(await failing("pull", "-a", `${both}:one`)).toContain("tag can't be used with --all-tags/-a");
        expect(await failing("pull", "-a", `${host}/nothing`)).toMatch(
          /not known to registry|no such|not found/i,
        );
        await client("rmi", `${both}:one`, `${both}:two`);

        await client("logout", host);
        expect(await failing("pull", name)).toMatch(/denied|unauthorized|no basic auth/);
      },
      60_000,
    );
  },
);

test.skipIf(!hasDockerd || dockerClients.length === 0)(
  "from dockerd's save to ours and back: names and ids stay (skipped where there is no dockerd)",
  async () => {
    await using dockerd = await OwnDockerd.start();
    const docker = dockerClients.at(-1)?.path ?? "";
    const env = { DOCKER_HOST: `unix://${dockerd.socket}` };
    const there = (...args: string[]): Promise<string> => output([docker, ...args], env);
    const archive = `${files.path}/docker.tar`;
    await there("tag", "base", "theirs/box:1");
    await there("save", "-o", archive, "theirs/box:1");
    expect(await engine.output("load", "-q", "-i", archive)).toBe("Loaded image: theirs/box:1");
    const id = await there("image", "inspect", "-f", "{{.Id}}", "theirs/box:1");
    expect(await idOf("theirs/box:1")).toBe(id);
    await engine.output("save", "-o", archive, "theirs/box:1", "our/box:1");
    await there("rmi", "-f", "theirs/box:1", "base");
    const loaded = await there("load", "-i", archive);
    expect(loaded).toContain("Loaded image: theirs/box:1");
    expect(loaded).toContain("Loaded image: our/box:1");
    expect(await there("image", "inspect", "-f", "{{.Id}}", "theirs/box:1")).toBe(id);
    expect(await there("image", "inspect", "-f", "{{.Id}}", "our/box:1")).toBe(await idOf("our/box:1"));
    // What they are counted as, to the byte: files, links of both kinds, what names a file that is gone.
    const tree = archiveOf([
      { path: "file", content: "x".repeat(12_345) },
      { path: "second", type: "hardLink", linkTarget: "file" },
      { path: "link", type: "symlink", linkTarget: "a/somewhat/longer/täxt" },
      { path: "third", type: "hardLink", linkTarget: "link" },
      { path: "directory/empty", content: "" },
      { path: "pipe", type: "fifo" },
      { path: "zero", type: "character", deviceMajor: 1, deviceMinor: 5 },
    ]);
    writeFileSync(`${files.path}/counted.tar`, tree);
    await engine.output("import", `${files.path}/counted.tar`, "counted:1");
    await there("import", `${files.path}/counted.tar`, "counted:1");
    const size = ["image", "inspect", "-f", "{{.Size}}", "counted:1"];
    expect(await engine.output(...size)).toBe(await there(...size));
  },
  120_000,
);

test.skipIf(podman === null)(
  "from podman's save to ours and back, as both kinds of archive (skipped where there is no podman)",
  async () => {
    const store = [
      `--root=${files.path}/podman`,
      `--runroot=${files.path}/podman-run`,
      "--storage-driver=vfs",
    ];
    const there = (...args: string[]): Promise<string> => output([podman ?? "", ...store, ...args], {});
    const ours = `${files.path}/for-podman.tar`;
    await engine.output("save", "-o", ours, "our/box:1");
    await there("load", "-q", "-i", ours);
    const id = await idOf("our/box:1");
    expect(`sha256:${await there("image", "inspect", "-f", "{{.Id}}", "our/box:1")}`).toBe(id);
    await there("tag", "our/box:1", "localhost/theirs/box:2");
    for (const format of ["docker-archive", "oci-archive"]) {
      const archive = `${files.path}/podman-${format}.tar`;
      await there("save", "-q", "--format", format, "-o", archive, "localhost/theirs/box:2");
      expect(await engine.output("load", "-q", "-i", archive)).toBe("Loaded image: localhost/theirs/box:2");
      expect(await engine.output("run", "--rm", "localhost/theirs/box:2", "sh", "-c", "echo $A")).toBe("b");
      await engine.output("rmi", "localhost/theirs/box:2");
    }
    // Overlays that vfs did not make need no unmounting; its directory goes with the test's.
    await there("rmi", "-a", "-f");
  },
  120_000,
);

test.skipIf(skopeo === null)(
  "skopeo reads what we save, as an archive of docker's and as an OCI layout (skipped where there is no skopeo)",
  async () => {
    const saved = `${files.path}/for-skopeo.tar`;
    await engine.output("save", "-o", saved, "our/box:1");
    const copy = (...args: string[]): Promise<string> => output([skopeo ?? "", "copy", "-q", ...args], {});
    const policy = `${files.path}/policy.json`;
    writeFileSync(policy, '{"default":[{"type":"insecureAcceptAnything"}]}');
    mkdirSync(`${files.path}/layout`);
    expect(Bun.spawnSync(["tar", "-C", `${files.path}/layout`, "-xf", saved]).exitCode).toBe(0);
    const sources = [`docker-archive:${saved}:our/box:1`, `oci:${files.path}/layout:1`];
    for (const [index, source] of sources.entries()) {
      const name = `skopeo/box:${index}`;
      const archive = `${files.path}/skopeo-${index}.tar`;
      await copy("--policy", policy, source, `oci-archive:${archive}:${name}`);
      expect(await engine.output("load", "-q", "-i", archive)).toBe(`Loaded image: ${name}`);
      expect(await engine.output("run", "--rm", name, "sh", "-c", "echo $A")).toBe("b");
    }
  },
  60_000,
);
