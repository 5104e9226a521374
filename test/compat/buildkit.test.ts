/**
 * docker's client of 2020, which has BuildKit's client within it, builds at an engine of ours: contexts of all kinds, progress,
 * arguments, failures, Ctrl-C; and the engine goes on as if nothing had been.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, symlinkSync, utimesSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

/** Newer ones have it in a plug-in. */
const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "23.0.0") < 0);

let engine: TestEngine;
let files: TemporaryDirectory;
const at = (name: string): string => `${files.path}/${name}`;

function start(words: readonly string[], directory = "context", stdin: Blob | "ignore" = "ignore") {
  const env = {
    ...process.env,
    DOCKER_HOST: engine.host,
    DOCKER_BUILDKIT: "1",
    DOCKER_CONFIG: at("config"),
  };
  return Bun.spawn([docker?.path ?? "", ...words], {
    env,
    stdin,
    stdout: "pipe",
    stderr: "pipe",
    cwd: at(directory),
  });
}

const said = (words: readonly string[], directory?: string, stdin?: Blob): Promise<Outcome> =>
  outcomeOf(start(words, directory, stdin));

async function output(...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await said(words);
  if (code !== 0) throw new Error(`docker ${words.join(" ")}: ${stdout}\n${stderr}`);
  return stdout;
}

function write(path: string, content: string): void {
  mkdirSync(dirname(at(path)), { recursive: true });
  writeFileSync(at(path), content);
}

beforeAll(async () => {
  if (docker === undefined) return;
  files = temporaryDirectory("compat-buildkit");
  engine = await startEngine();
  write("context/one", "1\n");
  write("context/dir/two", "2\n");
  write("context/dir/a,b", "comma\n");
  write("context/dir/straße", "beyond ASCII\n");
  write("context/left.log", "left out\n");
  write("context/.dockerignore", "*.log\ndir/a,b\ndir/straße\n");
  symlinkSync("dir/two", at("context/link"));
  utimesSync(at("context/one"), 1_000_000, 1_000_000);
  write(
    "context/Dockerfile",
    "FROM base\nARG NAME=nobody\nCOPY . /context\nRUN echo made for $NAME > /made\n",
  );
}, 90_000);
afterAll(async () => {
  if (docker === undefined) return;
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

const withClient = test.skipIf(docker === undefined);

withClient("the context comes without what is ignored, and progress is drawn", async () => {
  const { code, stdout, stderr } = await said(["build", "-t", "lunch", "--build-arg", "NAME=noon", "."]);
  expect({ code, stdout }).toEqual({ code: 0, stdout: "" });
  expect(stderr).toContain("load build definition from Dockerfile");
  expect(stderr).toMatch(/#\d+ \[.*COPY \. \/context/);
  expect(stderr).toMatch(/#\d+ DONE \d+\.\ds/);
  const script = "cat /made; cd /context; find . | sort; readlink link";
  expect(await output("run", "--rm", "--network", "none", "lunch", "sh", "-c", script)).toBe(
    "made for noon\n.\n./.dockerignore\n./Dockerfile\n./dir\n./dir/two\n./link\n./one\ndir/two\n",
  );
});

withClient("what was built is taken from the cache, and its id is told", async () => {
  const { stdout, code, stderr } = await said(["build", "-q", "--build-arg", "NAME=noon", "."]);
  expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
  expect((await output("image", "inspect", "--format", "{{.Id}}", stdout.trim())).trim()).toBe(stdout.trim());
  const again = await said(["build", "--build-arg", "NAME=noon", "."]);
  expect(again.stderr).toMatch(/#\d+ CACHED/);
});

withClient("a Dockerfile is elsewhere, or comes by standard input", async () => {
  write("elsewhere/Dockerfile.other", "FROM base\nCOPY one /other\n");
  const other = await said(["build", "-f", at("elsewhere/Dockerfile.other"), "-t", "other", "."]);
  expect(other).toMatchObject({ code: 0 });
  const piped = await said(
    ["build", "-t", "piped", "-f", "-", "."],
    "context",
    new Blob(["FROM base\nCOPY one /piped\n"]),
  );
  expect(piped).toMatchObject({ code: 0 });
  expect(await output("run", "--rm", "--network", "none", "piped", "cat", "/piped")).toBe("1\n");
});

withClient("a context comes as an archive by standard input", async () => {
  const tar = Bun.spawnSync(["tar", "-C", at("context"), "-cz", "one", "Dockerfile", "dir"]);
  const { code, stderr } = await said(["build", "-t", "archived", "-"], "context", new Blob([tar.stdout]));
  expect({ code, stderr: code === 0 ? "" : stderr }).toEqual({ code: 0, stderr: "" });
  expect(await output("run", "--rm", "--network", "none", "archived", "ls", "/context")).toBe(
    "Dockerfile\ndir\none\n",
  );
});

withClient("a step that fails is told with its output, and a Dockerfile that is wrong", async () => {
  write("failing/Dockerfile", "FROM base\nRUN echo before it fails; exit 7\n");
  const failed = await said(["build", "."], "failing");
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain("before it fails");
  expect(failed.stderr).toMatch(/exit code: 7|code: 7/);
  write("wrong/Dockerfile", "FROM base\nLUNCH now\n");
  const wrong = await said(["build", "."], "wrong");
  expect(wrong.code).not.toBe(0);
  expect(wrong.stderr.toLowerCase()).toContain("unknown instruction: lunch");
});

withClient("Ctrl-C ends the build, and nothing of it is left", async () => {
  write("long/Dockerfile", "FROM base\nRUN echo it runs; sleep 1000\n");
  const before = await output("ps", "-aq");
  const client = start(["build", "."], "long");
  let heard = "";
  for await (const piece of client.stderr) {
    heard += Buffer.from(piece).toString();
    if (/#\d+ \d+\.\d+ it runs/.test(heard)) break;
  }
  client.kill("SIGINT");
  expect(await client.exited).not.toBe(0);
  await until("the step's container is gone", async () => (await output("ps", "-aq")) === before);
  expect(await said(["build", "-q", "."], "context")).toMatchObject({ code: 0 });
});
