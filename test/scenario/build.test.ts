/** `tiffin build`: what it shows, what it remembers, what it refuses, and what is left when it is cut short. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import {
  type CommandResult,
  startEngine,
  type TestEngine,
  tiffinCommand,
} from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
let files: TemporaryDirectory;
beforeAll(async () => {
  files = temporaryDirectory("build");
  engine = await startEngine();
}, 60_000);
afterAll(async () => {
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

async function withInput(input: Uint8Array | string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await outcomeOf(
    Bun.spawn(tiffinCommand(...words), {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdin: typeof input === "string" ? new TextEncoder().encode(input) : input,
      stdout: "pipe",
      stderr: "pipe",
    }),
  );
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  return stdout;
}

test("an image is built, runs, and the next time is all cache; one changed file is a step again", async () => {
  const directory = context("first", {
    Dockerfile: "FROM base\nARG WHO=you\nRUN echo hello $WHO > /hello\nCOPY one /one\nCMD cat /hello /one",
    one: "1\n",
  });
  await engine.output("build", "-t", "first", "--build-arg", "WHO=me", "--label", "a=it's", directory);
  expect(await engine.output("run", "--rm", "first")).toBe("hello me\n1");
  expect(await engine.output("inspect", "--format", "{{.Config.Labels.a}}", "first")).toBe("it's");
  const again = await engine.output(
    "build",
    "-t",
    "first",
    "--build-arg",
    "WHO=me",
    "--label",
    "a=it's",
    directory,
  );
  expect(again.match(/ ---> Using cache/g)).toHaveLength(2);
  writeFileSync(`${directory}/one`, "2\n");
  const changed = await engine.output("build", "-t", "first", "--build-arg", "WHO=me", directory);
  expect(changed.match(/ ---> Using cache/g)).toHaveLength(1);
  expect(await engine.output("run", "--rm", "first")).toBe("hello me\n2");
  const fresh = await engine.output("build", "--no-cache", directory);
  expect(fresh).not.toContain("Using cache");
  expect(await engine.output("ps", "-aq")).toBe("");
}, 60_000);

test("a failure is told with its exit code and the lines around it", async () => {
  const directory = context("failing", { Dockerfile: "FROM base\nENV A=1\nRUN echo seen; exit 5\nRUN true" });
  const { exitCode, stdout, stderr } = await failure("build", directory);
  expect(exitCode).toBe(5);
  expect(stdout).toContain("\nseen\n");
  expect(stderr).toContain(
    'process "/bin/sh -c echo seen; exit 5" did not complete successfully: exit code: 5',
  );
  expect(stderr).toContain(">>> 3 | RUN echo seen; exit 5\n    4 | RUN true");
  const { stderr: unknown } = await failure(
    "build",
    context("unknown", { Dockerfile: "FROM base\n\nNOTHING" }),
  );
  expect(unknown).toContain("dockerfile parse error on line 3: unknown instruction: NOTHING");
  expect(await engine.output("ps", "-aq")).toBe("");
});

const refused: readonly (readonly [line: string, told: string])[] = [
  ["RUN --security=insecure true", "build with --allow security.insecure"],
  ["RUN --network=host true", "build with --allow network.host"],
  ["RUN --mount=type=other,target=/x true", 'unsupported mount type "other"'],
  ["RUN --mount=type=bind,size=1,target=/x true", "unexpected key 'size' for mount type 'bind'"],
  ["COPY --other Dockerfile /x", "unknown flag: --other"],
];

test.each(refused)("%s is refused with a sentence", async (line, told) => {
  const { stderr } = await failure("build", context("refused", { Dockerfile: `FROM base\n${line}` }));
  expect(stderr).toContain(told);
});

test("links lead out of neither the context nor the image", async () => {
  const directory = context("links", {
    Dockerfile:
      "FROM base\nRUN ln -s ../../../../../../tmp /up && ln -s /etc /abs\nCOPY one /up/one\nCOPY one /abs/\nCOPY in /in",
    one: "1",
  });
  symlinkSync("/one", `${directory}/in`);
  const name = `tiffin-build-${process.pid}`;
  writeFileSync(`${directory}/${name}`, "x");
  await engine.output("build", "-q", "-t", "links", directory);
  expect(await engine.output("run", "--rm", "links", "cat", "/tmp/one", "/etc/one", "/in")).toBe("111");
  expect(existsSync("/etc/one")).toBe(false);
  symlinkSync("/etc/passwd", `${directory}/out`);
  writeFileSync(`${directory}/Dockerfile`, "FROM base\nCOPY out /x");
  const { stderr } = await failure("build", directory);
  expect(stderr).toContain('"out": not found');
});

test("what .dockerignore leaves out is not sent, a Dockerfile's own comes first, and what is brought back is", async () => {
  const directory = context("ignored", {
    Dockerfile: "FROM base\nCOPY . /all/",
    "other/Other": "FROM base\nCOPY . /all/",
    "other/Other.dockerignore": "a\n",
    ".dockerignore": "*\n!b\n!deep/kept\n",
    a: "a",
    b: "b",
    "deep/kept": "k",
    "deep/gone": "g",
  });
  await engine.output("build", "-q", "-t", "ignored", directory);
  expect(await engine.output("run", "--rm", "ignored", "sh", "-c", "cd /all; ls -A . deep")).toBe(
    ".:\nb\ndeep\n\ndeep:\nkept",
  );
  await engine.output("build", "-q", "-t", "ignored", "-f", `${directory}/other/Other`, directory);
  const listed = await engine.output("run", "--rm", "ignored", "ls", "-A", "/all");
  expect(listed.split("\n")).not.toContain("a");
  expect(listed).toContain("deep");
});

test("a Dockerfile or a tar may come from standard input", async () => {
  expect(await withInput("FROM base\nCMD echo piped", "build", "-q", "-t", "piped", "-")).toMatch(
    /^sha256:[0-9a-f]{64}\n$/,
  );
  expect(await engine.output("run", "--rm", "piped")).toBe("piped");
  const directory = context("tarred", { Dockerfile: "FROM base\nCOPY x /x", x: "x" });
  const tar = Bun.spawnSync(["tar", "-C", directory, "-cz", "."]).stdout;
  await withInput(tar, "build", "-q", "-t", "tarred", "-");
  await withInput("FROM base\nCOPY x /y", "build", "-q", "-t", "beside", "-f", "-", directory);
  expect(await engine.output("run", "--rm", "beside", "cat", "/y")).toBe("x");
});

test("here-documents are scripts and files", async () => {
  const text =
    'FROM base\nARG X=1\nRUN <<EOF\necho a > /a\necho $X >> /a\nEOF\nCOPY <<one <<"two" /d/\n$X\none\n$X\ntwo\nRUN cat <<E > /b\nb\nE\n';
  await engine.output("build", "-q", "-t", "here", context("here", { Dockerfile: text }));
  expect(await engine.output("run", "--rm", "here", "cat", "/a", "/d/one", "/d/two", "/b")).toBe(
    "a\n1\n1\n$X\nb",
  );
});

test("only stages that the target needs are built, and the graph says which", async () => {
  const directory = context("stages", {
    Dockerfile: "FROM base AS a\nRUN echo a > /a\nFROM base AS b\nRUN exit 1\nFROM base\nCOPY --from=a /a /a",
  });
  expect(await engine.output("build", "--graph", directory)).toBe(
    "stage 0 (a) from image base\n  2: RUN echo a > /a\nstage 2 from image base\n  6: COPY --from=a /a /a  <- stage 0 (a)\nstage 1 (b) is not needed",
  );
  const iidfile = `${files.path}/iid`;
  await engine.output("build", "-q", "--iidfile", iidfile, directory);
  expect(await engine.output("run", "--rm", readFileSync(iidfile, "utf8"), "cat", "/a")).toBe("a");
  expect((await engine.cli("build", "--target", "b", directory)).exitCode).toBe(1);
});

test("what a Dockerfile takes and offers is told without a build", async () => {
  const directory = context("asked", {
    Dockerfile:
      "# one is made first\nFROM base AS one\nARG WORD=soup\nRUN --mount=type=secret,id=key true\nFROM one\nRUN exit 1\n",
  });
  const asked = async (...words: readonly string[]): Promise<string> =>
    await engine.output("build", "--build-arg", "WORD=stew", ...words, directory);
  expect(await asked("--call=targets")).toBe("TARGET      DESCRIPTION\none         is made first\n(default)");
  expect(await asked("--call=outline")).toContain("WORD        stew");
  expect(JSON.parse(await asked("--call=outline,format=json", "--target", "one"))).toMatchObject({
    name: "one",
    description: "is made first",
    secrets: [{ name: "key" }],
  });
  expect(await asked("--call=check")).toContain("no warnings found");
  const wrong = await engine.cli("build", "--call=menu", directory);
  expect([wrong.exitCode, wrong.stderr]).toEqual([
    1,
    'unknown question "menu" (there are: build, check, outline, targets)\n',
  ]);
});

test("what a prune takes away is built again, and what has a name stays", async () => {
  const directory = context("pruned", { Dockerfile: "FROM base\nRUN echo p > /p\nRUN echo q > /q" });
  await engine.output("build", "-q", directory);
  const answer = await engine.http("POST", "/build/prune");
  expect(answer.status).toBe(200);
  expect(await engine.output("build", directory)).not.toContain("Using cache");
  expect(await engine.output("run", "--rm", "first", "cat", "/one")).toBe("2");
});

test("a client that goes, and an engine that is killed, leave nothing but cache", async () => {
  const directory = context("cut", { Dockerfile: "FROM base\nRUN echo kept > /kept\nRUN sleep 600" });
  const begin = (): Bun.Subprocess<"ignore", "ignore", "ignore"> =>
    Bun.spawn(tiffinCommand("build", directory), {
      env: { ...process.env, TIFFIN_HOST: engine.host },
      stdin: "ignore",
      stdout: "ignore",
      stderr: "ignore",
    });
  const running = async (): Promise<boolean> =>
    (await engine.output("ps", "--no-trunc", "--format", "{{.Command}}")).includes("sleep 600");
  const client = begin();
  await until("the step to run", running);
  client.kill("SIGKILL");
  await until("its container to go", async () => (await engine.output("ps", "-aq")) === "");
  await until("its directory to go", () => readdirSync(`${engine.root}/builds`).length === 0);
  const second = begin();
  await until("the step to run again", running);
  await engine.crash();
  await second.exited;
  await engine.start();
  expect(await engine.output("ps", "-aq")).toBe("");
  expect(readdirSync(`${engine.root}/builds`)).toEqual([]);
  writeFileSync(`${directory}/Dockerfile`, "FROM base\nRUN echo kept > /kept\nRUN true");
  expect(await engine.output("build", directory)).toContain(" ---> Using cache");
}, 60_000);

test("doubtful lines are told at the end of a build, by --check alone, and end a build that wants it", async () => {
  const text = "FROM base AS Doubtful\nRUN true\n";
  const directory = context("doubtful", { Dockerfile: text });
  expect(await engine.output("build", directory)).toEndWith(
    " - StageNameCasing: Stage name 'Doubtful' should be lowercase (line 1)",
  );
  const { stdout } = await failure("build", "--check", directory);
  expect(stdout).toStartWith("Check complete, 1 warning has been found!");
  const meant = context("meant", { Dockerfile: "FROM base\nWORKDIR /$PAHT\nENV x=$PATH\n" });
  expect(await engine.output("build", meant)).toEndWith(
    " - UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?) (line 2)",
  );
  const skip = ["--build-arg", "BUILDKIT_DOCKERFILE_CHECK=skip=all"];
  expect(await engine.output("build", "--check", ...skip, directory)).toBe(
    "Check complete, no warnings found.",
  );
  const strict = context("strict", { Dockerfile: `# check=error=true\n${text}` });
  expect((await failure("build", strict)).stderr).toContain(
    "lint violation found for rules: StageNameCasing",
  );
});
