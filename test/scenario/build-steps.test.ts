/** Steps of builds: mounts, sources, flags of copies, outputs; what is remembered, and what must not be found anywhere. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import {
  type CommandResult,
  startEngine,
  type TestEngine,
  tiffinCommand,
} from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
let files: TemporaryDirectory;
let server: Bun.Server<undefined>;
beforeAll(async () => {
  files = temporaryDirectory("build-steps");
  engine = await startEngine();
  server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    async fetch(request) {
      const path = `${files.path}/served${new URL(request.url).pathname}`;
      const file = Bun.file(path);
      return (await file.exists()) ? new Response(file) : new Response("no", { status: 404 });
    },
  });
}, 60_000);
afterAll(async () => {
  await server.stop(true);
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

function context(name: string, content: Readonly<Record<string, string>>): string {
  const directory = `${files.path}/${name}`;
  writeFiles(directory, content);
  return directory;
}

async function failure(...words: readonly string[]): Promise<CommandResult> {
  const result = await engine.cli(...words);
  expect(result.exitCode).not.toBe(0);
  return result;
}

/** With `environment` beside the engine's place. */
async function said(
  environment: Readonly<Record<string, string>>,
  ...words: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(
    Bun.spawn(tiffinCommand(...words), {
      env: { ...process.env, TIFFIN_HOST: engine.host, ...environment },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("mounts of the context, of stages and in memory are there for one step and leave nothing in its layer", async () => {
  const directory = context("mounts", {
    Dockerfile: `FROM base AS tools
RUN mkdir /kit && echo tool > /kit/tool && ln -s kit /way
FROM base
RUN --mount=target=/src --mount=from=tools,source=/way,target=/opt/kit --mount=type=tmpfs,target=/scratch,size=1m \
  cat /src/one /opt/kit/tool > /out; ! touch /src/x; ! touch /opt/kit/x; grep -q " /scratch tmpfs" /proc/mounts && touch /scratch/y
RUN --mount=target=/rw,rw --mount=from=tools,target=/made/deep/kit,rw touch /rw/new /made/deep/kit/new
RUN ls -A / /opt > /listed`,
    one: "1\n",
  });
  await engine.output("build", "-q", "-t", "mounts", directory);
  expect(await engine.output("run", "--rm", "mounts", "cat", "/out")).toBe("1\ntool");
  const listed = (await engine.output("run", "--rm", "mounts", "cat", "/listed")).split("\n");
  for (const name of ["src", "scratch", "rw", "made", "kit"]) expect(listed).not.toContain(name);
  expect(existsSync(`${directory}/new`)).toBe(false);
}, 60_000);

test("a cache mount keeps its files between builds, apart by its id, and is no part of the image", async () => {
  const text = (round: number): string => `FROM base
RUN --mount=type=cache,target=/cache,id=one,mode=0750,uid=3 echo ${round} >> /cache/log && cp /cache/log /seen && stat -c %a:%u /cache > /mode
RUN --mount=type=cache,target=/cache,id=two ls -A /cache > /other`;
  const directory = context("caches", { Dockerfile: text(1) });
  await engine.output("build", "-q", directory);
  writeFileSync(`${directory}/Dockerfile`, text(2));
  await engine.output("build", "-q", "-t", "caches", directory);
  expect(await engine.output("run", "--rm", "caches", "cat", "/seen", "/mode", "/other")).toBe("1\n2\n750:3");
  expect(await engine.output("run", "--rm", "caches", "ls", "-A", "/")).not.toContain("cache");
  const usage = await engine.http("GET", "/system/df?type=build-cache");
  expect(JSON.stringify(usage)).toContain("exec.cachemount");
}, 60_000);

test("steps that lock a cache follow each other, and one that swaps its place for a link leads nobody out", async () => {
  const stage = (name: string): string =>
    `FROM base AS ${name}\nRUN --mount=type=cache,target=/c,sharing=locked test ! -e /c/busy && touch /c/busy && sleep 0.2 && rm /c/busy && echo ${name} > /done`;
  const directory = context("locked", {
    Dockerfile: `${stage("a")}\n${stage("b")}\n${stage("d")}
FROM base
COPY --from=a /done /a
COPY --from=b /done /b
COPY --from=d /done /d
RUN --mount=type=cache,target=/c rm -rf /c/sub && ln -s /etc /c/sub
RUN --mount=type=cache,target=/c,source=sub,id=/c ls -A /c > /empty`,
  });
  await engine.output("build", "-q", "-t", "locked", directory);
  expect(await engine.output("run", "--rm", "locked", "cat", "/a", "/b", "/d", "/empty")).toBe("a\nb\nd");
}, 60_000);

test("what a mount stands on may be moved or be a link: nothing of the host is shown, made or taken away", async () => {
  const outside = `${files.path}/outside-of-all`;
  mkdirSync(`${outside}/deep`, { recursive: true });
  const up = "../".repeat(12);
  const directory = context("stubs", {
    Dockerfile: `FROM base
RUN ln -s ${up}${outside.slice(1)} /way && ln -s /nowhere /dangling
RUN --mount=type=tmpfs,target=/way/deep/stub touch /way/deep/stub/x
RUN --mount=type=tmpfs,target=/dangling/stub true
RUN --mount=target=/made/deep/kit mv /made /moved && ln -s ${outside} /made
RUN --mount=type=cache,target=/made/deep/cache touch /made/deep/cache/x; ls -d /made/deep > /listed; readlink /made > /link`,
    one: "1",
  });
  await engine.output("build", "-q", "-t", "stubs", directory);
  expect(readdirSync(outside)).toEqual(["deep"]);
  expect(readdirSync(`${outside}/deep`)).toEqual([]);
  expect(await engine.output("run", "--rm", "stubs", "cat", "/link")).toBe(outside);
  symlinkSync("/etc", `${directory}/out`);
  for (const mount of [
    "source=out,target=/x",
    `source=${up}etc,target=/x`,
    "from=base,source=out,target=/x",
  ]) {
    writeFileSync(`${directory}/Dockerfile`, `FROM base\nRUN --mount=${mount} cat /x/hostname`);
    expect((await failure("build", directory)).stderr).toMatch(/not found|outside|No such file/);
  }
}, 60_000);

test("a cache that two steps have at the same time may be swapped for links all the time", async () => {
  const flip =
    "for i in $(seq 300); do mv /c/sub /c/aside; ln -s / /c/sub; rm /c/sub; mv /c/aside /c/sub; done";
  const name = `swapped-${process.pid}`;
  const directory = context("swapped", {
    Dockerfile: `FROM base AS one
RUN --mount=type=cache,target=/c,id=swapped mkdir -p /c/sub && touch /c/ready && ${flip}
FROM base AS two
RUN --mount=type=cache,target=/c,id=swapped --mount=type=cache,target=/d,id=swapped,source=sub for i in $(seq 100); do echo x > /c/sub/${name}; echo x > /d/${name}; done 2>/dev/null; true
FROM base
COPY --from=one /etc/passwd /a
COPY --from=two /etc/passwd /b`,
  });
  await engine.output("build", "-q", directory);
  expect(existsSync(`/${name}`)).toBe(false);
}, 60_000);

test("secrets and agents reach the step that asks, and nothing else: no layer, log, record, history or explanation", async () => {
  const secret = `secret-${crypto.randomUUID()}`;
  const agent = Bun.listen({
    unix: `${files.path}/agent`,
    socket: {
      data(socket, data) {
        socket.write(`heard ${new TextDecoder().decode(data)}`);
        socket.end();
      },
    },
  });
  const directory = context("secrets", {
    Dockerfile: `FROM base
RUN --mount=type=secret,id=token,uid=4,mode=0440 stat -c %a:%u:%s /run/secrets/token > /seen && wc -c < /run/secrets/token >> /seen
RUN --mount=type=secret,id=token,env=TOKEN test "$(printf %s "$TOKEN" | wc -c)" = ${secret.length}
RUN --mount=type=ssh echo "$SSH_AUTH_SOCK" > /agent && test -S "$SSH_AUTH_SOCK"
RUN --mount=type=secret,id=none test ! -e /run/secrets/none
RUN ls -A /run > /run-has`,
  });
  const shown = await said(
    { TOKEN_OF_TEST: secret, SSH_AUTH_SOCK: `${files.path}/agent` },
    ..."build --why -t secrets --secret id=token,env=TOKEN_OF_TEST --ssh default".split(" "),
    directory,
  );
  agent.stop(true);
  expect(shown).not.toContain(secret);
  expect(await engine.output("run", "--rm", "secrets", "cat", "/seen", "/agent", "/run-has")).toBe(
    `440:4:${secret.length}\n${secret.length}\n/run/buildkit/ssh_agent.0`,
  );
  expect(await engine.output("history", "--no-trunc", "secrets")).not.toContain(secret);
  const found = Bun.spawnSync(["grep", "-rlaF", secret, engine.root]).stdout.toString();
  expect(found).toBe("");
  const { stderr } = await failure(
    "build",
    context("required", { Dockerfile: "FROM base\nRUN --mount=type=secret,id=x,required true" }),
  );
  expect(stderr).toContain("secret x: not found");
}, 60_000);

test("copies leave out, keep the way, change modes and are layers of their own", async () => {
  const directory = context("copies", {
    Dockerfile: `FROM base
RUN mkdir /real && ln -s /real /link
COPY --exclude=*.md --exclude=deep/skip tree/ /excluded/
COPY --parents ./tree/./deep/*.txt tree/a.md /parents/
COPY --chmod=u=rw,go=r --chown=9 tree/a.md /mode/
COPY --link tree/a.md /link/of-its-own
ADD --unpack=false a.tar /kept/
ADD --unpack a.tar /unpacked/`,
    "tree/a.md": "a",
    "tree/b.txt": "b",
    "tree/deep/c.txt": "c",
    "tree/deep/skip": "s",
  });
  expect(
    Bun.spawnSync(["tar", "-C", `${directory}/tree`, "-cf", `${directory}/a.tar`, "b.txt"]).exitCode,
  ).toBe(0);
  await engine.output("build", "-q", "-t", "copies", directory);
  const found = await engine.output(
    ..."run --rm copies sh -c".split(" "),
    "cd /; find excluded parents mode kept unpacked link real -type f -o -type l | sort; stat -c %a:%u mode/a.md",
  );
  expect(found.split("\n")).toEqual([
    "excluded/b.txt",
    "excluded/deep/c.txt",
    "kept/a.tar",
    "link/of-its-own",
    "mode/a.md",
    "parents/deep/c.txt",
    "parents/tree/a.md",
    "unpacked/b.txt",
    "644:9",
  ]);
}, 60_000);

test("files of the web and git repositories are fetched, checked, and cannot be options or lead out", async () => {
  const repository = context("repository", { Dockerfile: "FROM base\nCOPY sub/f /f", "sub/f": "of git\n" });
  const git = (...words: readonly string[]): string =>
    Bun.spawnSync([
      "git",
      "-c",
      "user.name=t",
      "-c",
      "user.email=t@t",
      "-C",
      repository,
      ...words,
    ]).stdout.toString();
  git("init", "-q", "-b", "main");
  git("add", ".");
  git("commit", "-qm", "one");
  symlinkSync("/etc", `${repository}/out`);
  git("add", ".");
  git("commit", "-qm", "two");
  mkdirSync(`${files.path}/served`);
  Bun.spawnSync(["git", "clone", "-q", "--bare", repository, `${files.path}/served/r.git`]);
  Bun.spawnSync(["git", "-C", `${files.path}/served/r.git`, "update-server-info"]);
  writeFileSync(`${files.path}/served/file.txt`, "of the web\n");
  const web = `http://127.0.0.1:${server.port}`;
  const digest = new Bun.CryptoHasher("sha256").update("of the web\n").digest("hex");
  const directory = context("fetched", {
    Dockerfile: `FROM base
ADD --checksum=sha256:${digest} --chmod=644 ${web}/file.txt /web/
ADD ${web}/file.txt /named
RUN stat -c %a /named > /mode`,
  });
  await engine.output("build", "-q", "-t", "fetched", directory);
  expect(await engine.output("run", "--rm", "fetched", "cat", "/web/file.txt", "/named", "/mode")).toBe(
    "of the web\nof the web\n600",
  );
  writeFileSync(
    `${directory}/Dockerfile`,
    `FROM base\nADD --checksum=sha256:${"0".repeat(64)} ${web}/file.txt /`,
  );
  expect((await failure("build", directory)).stderr).toContain(`digest mismatch sha256:${digest}`);
  for (const address of [
    "https://h/r.git#main:../..",
    "https://h/r.git#--upload-pack=x",
    "ssh://-oProxyCommand=x/r.git",
    "git@-x:r.git",
  ]) {
    writeFileSync(`${directory}/Dockerfile`, `FROM base\nADD ${address} /`);
    expect((await failure("build", directory)).stderr).toMatch(/invalid (?:git|directory)/);
  }
}, 60_000);

test("results go to a directory, an archive or an image archive", async () => {
  const directory = context("outputs", { Dockerfile: "FROM scratch\nCOPY one /d/one", one: "1\n" });
  await engine.output("build", "-o", `${files.path}/to`, directory);
  expect(readFileSync(`${files.path}/to/d/one`, "utf8")).toBe("1\n");
  await engine.output("build", "-o", `type=tar,dest=${files.path}/to.tar`, directory);
  expect(Bun.spawnSync(["tar", "-tf", `${files.path}/to.tar`]).stdout.toString()).toContain("d/one");
  await engine.output("build", "-t", "saved", "-o", `type=docker,dest=${files.path}/image.tar`, directory);
  expect(statSync(`${files.path}/image.tar`).size).toBeGreaterThan(1000);
  expect(await engine.output("load", "-i", `${files.path}/image.tar`)).toContain(
    "Loaded image: saved:latest",
  );
}, 60_000);

test("equal inputs give equal images, and a time can be said", async () => {
  const directory = context("equal", {
    Dockerfile: "FROM base\nWORKDIR /w\nCOPY one /d/one\nENV A=1",
    one: "1",
  });
  const build = async (): Promise<string> =>
    await engine.output(
      "build",
      "-q",
      "--no-cache",
      "--build-arg",
      "SOURCE_DATE_EPOCH=1700000000",
      directory,
    );
  const first = await build();
  expect(await build()).toBe(first);
  expect(await engine.output("inspect", "--format", "{{.Created}}", first)).toBe("2023-11-14T22:13:20.000Z");
}, 60_000);

test("why says which file, argument or base is other, and a filter does one stage again", async () => {
  const directory = context("why", {
    Dockerfile: "FROM base AS a\nARG V\nCOPY one two /d/\nRUN echo $V > /v\nFROM base\nCOPY --from=a /v /v",
    one: "1",
    two: "2",
  });
  await engine.output("build", "--build-arg", "V=1", directory);
  writeFileSync(`${directory}/two`, "3");
  expect(await engine.output("build", "--why", "--build-arg", "V=1", directory)).toContain(
    "---> Not cached: two has changed",
  );
  const argument = await engine.output("build", "--why", "--build-arg", "V=4", directory);
  expect(argument).toContain('---> Not cached: variable V was "1", is "4"');
  const filtered = await engine.output(
    "build",
    "--why",
    "--build-arg",
    "V=4",
    "--no-cache-filter",
    "a",
    directory,
  );
  expect(filtered).toContain("nothing that is remembered is used");
}, 60_000);

test("stages that do not need each other run at the same time, and equal steps once", async () => {
  const meet = (own: string, other: string): string =>
    `RUN --mount=type=cache,target=/c,id=meeting touch /c/${own} && for i in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do test -e /c/${other} && exit 0; sleep 0.5; done; exit 1`;
  const directory = context("together", {
    Dockerfile: `FROM base AS a
${meet("a", "b")}
FROM base AS b
${meet("b", "a")}
FROM base
COPY --from=a /etc/passwd /a
COPY --from=b /etc/passwd /b`,
  });
  await engine.output("build", "-q", directory);
}, 60_000);

test("a step that fails leaves its files for who wants to look, and what it was", async () => {
  const directory = context("kept", {
    Dockerfile: "FROM base\nENV A=b\nWORKDIR /w\nRUN echo half > done; exit 3",
  });
  const { exitCode, stderr } = await failure("build", "--debug", "half-done", directory);
  expect(exitCode).toBe(3);
  expect(stderr).toContain(">>> 4 | RUN echo half > done; exit 3");
  expect(await engine.output("run", "--rm", "half-done", "sh", "-c", "cat done; echo $A")).toBe("half\nb");
  expect(await engine.output("images", "--format", "{{.Repository}}")).toContain("half-done");
}, 60_000);

test("a program that forks for ever, or fills its memory file system, ends with its step", async () => {
  const directory = context("greedy", {
    Dockerfile:
      "FROM base\nRUN --mount=type=tmpfs,target=/t,size=1m (while :; do sleep 0.1; done) & ! dd if=/dev/zero of=/t/x bs=1M count=3 2>/dev/null",
  });
  await engine.output("build", "-q", directory);
  expect(await engine.output("ps", "-aq")).toBe("");
  expect(readdirSync(`${engine.root}/builds`)).toEqual([]);
}, 60_000);

test("steps are taken from a directory or from an image that tells of them, also when nothing is remembered here", async () => {
  const directory = context("elsewhere", {
    Dockerfile: "FROM base\nRUN echo slow > /slow\nCOPY one /one",
    one: "1",
  });
  const place = `${files.path}/cache`;
  const first = await engine.output(
    "build",
    "-q",
    "-t",
    "inline",
    "--cache-to",
    "type=inline",
    "--cache-to",
    `type=local,dest=${place}`,
    directory,
  );
  const forget = async (): Promise<void> => void (await engine.output("builder", "prune", "-af"));
  await forget();
  const ofImage = await engine.output("build", "--cache-from", "inline", directory);
  expect(ofImage.match(/ ---> Using cache/g)).toHaveLength(2);
  await forget();
  await engine.output("rmi", "-f", first);
  const ofDirectory = await engine.output("build", "--cache-from", `type=local,src=${place}`, directory);
  expect(ofDirectory.match(/ ---> Using cache/g)).toHaveLength(2);
  writeFileSync(
    `${place}/cache.json`,
    '{"steps":[{"key":"x","layers":["../../../etc/passwd"],"createdMs":1}]}',
  );
  await forget();
  expect(await engine.output("build", "--cache-from", `type=local,src=${place}`, directory)).not.toContain(
    "Using cache",
  );
  expect(await engine.output("build", "--cache-from", "type=local,src=/nowhere", directory)).toContain(
    "[Warning] no cache from /nowhere",
  );
}, 60_000);

test("a working directory among the engine's descriptors shows nobody the host", async () => {
  writeFileSync(`${files.path}/of-the-host`, "x");
  const up = "../".repeat(12);
  for (const number of [3, 7, 9]) {
    const directory = context(`descriptor-${number}`, {
      Dockerfile: `FROM base\nWORKDIR /proc/self/fd/${number}\nRUN test -e ${up}${files.path.slice(1)}/of-the-host && echo LEAK; true`,
    });
    const { stdout } = await engine.cli("build", "--no-cache", directory);
    expect(stdout.split("\n")).not.toContain("LEAK");
  }
  expect(await engine.output("ps", "-aq")).toBe("");
}, 60_000);
