/**
 * docker's client of 2020, which has BuildKit's client within it, builds at an engine of ours: contexts of all kinds, progress,
 * arguments, failures, Ctrl-C; and the engine goes on as if nothing had been.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync } from "node:fs";
import { dirname } from "node:path";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";
import { writeFiles } from "../support/write-files.ts";

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
  writeFiles(files.path, { [path]: content });
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

withClient("secrets, an agent and results that are no image", async () => {
  write("secret.txt", "hush-hush\n");
  write(
    "given/Dockerfile",
    [
      "FROM base AS made",
      "RUN --mount=type=secret,id=word cat /run/secrets/word > /dev/null; wc -c < /run/secrets/word > /length",
      "RUN --mount=type=ssh test -S $SSH_AUTH_SOCK && echo there > /agent",
      "FROM scratch",
      "COPY --from=made /length /agent /results/",
      "",
    ].join("\n"),
  );
  const agent = Bun.spawn(["ssh-agent", "-D", "-a", at("agent.sock")], {
    stdout: "ignore",
    stderr: "ignore",
  });
  try {
    await until("the agent listens", () => existsSync(at("agent.sock")));
    const given = ["--secret", `id=word,src=${at("secret.txt")}`, "--ssh", `default=${at("agent.sock")}`];
    const directory = await said(["build", ...given, "-o", at("out"), "."], "given");
    expect(directory).toMatchObject({ code: 0 });
    expect(readFileSync(at("out/results/length"), "utf8").trim()).toBe("10");
    expect(readFileSync(at("out/results/agent"), "utf8")).toBe("there\n");
    const archive = await said(["build", ...given, "-o", `type=tar,dest=${at("out.tar")}`, "."], "given");
    expect(archive).toMatchObject({ code: 0 });
    expect(Bun.spawnSync(["tar", "tf", at("out.tar")]).stdout.toString()).toContain("results/length");
    expect(`${directory.stderr}${archive.stderr}`).not.toContain("hush-hush");
  } finally {
    agent.kill();
    await agent.exited;
  }
  const without = await said(["build", "--no-cache", "."], "given");
  expect(without.code).not.toBe(0);
});

withClient("what has not changed is not brought again, and what has is", async () => {
  write("kept/Dockerfile", "FROM scratch\nCOPY . /\n");
  for (let at = 0; at < 50; at += 1) write(`kept/files/${at}`, `${at}\n`);
  expect(await said(["build", "."], "kept")).toMatchObject({ code: 0 });
  write("kept/files/7", "changed\n");
  expect(await said(["build", "-o", at("kept-out"), "."], "kept")).toMatchObject({ code: 0 });
  expect(readFileSync(at("kept-out/files/7"), "utf8")).toBe("changed\n");
  expect(readdirSync(at("kept-out/files"))).toHaveLength(50);
  rmSync(at("kept/files/8"));
  expect(await said(["build", "-o", at("kept-without"), "."], "kept")).toMatchObject({ code: 0 });
  expect(readdirSync(at("kept-without/files"))).toHaveLength(49);
});

const compose = Bun.which("docker-compose");
test.skipIf(docker === undefined || compose === null)(
  "docker-compose has its images built by BuildKit",
  async () => {
    write("composed/Dockerfile", "FROM base\nRUN --mount=type=tmpfs,target=/scratch echo composed > /made\n");
    write(
      "composed/docker-compose.yml",
      'version: "3.4"\nservices:\n  lunch:\n    build: .\n    image: composed:lunch\n',
    );
    const env = {
      ...process.env,
      PATH: `${dirname(docker?.path ?? "")}:${process.env["PATH"] ?? ""}`,
      DOCKER_HOST: engine.host,
      DOCKER_CONFIG: at("config"),
      DOCKER_BUILDKIT: "1",
      COMPOSE_DOCKER_CLI_BUILD: "1",
    };
    const words = [compose ?? "", "build"];
    const built = await outcomeOf(
      Bun.spawn(words, { env, cwd: at("composed"), stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
    );
    expect(built).toMatchObject({ code: 0 });
    expect(built.stderr).toMatch(/#\d+ \[.*RUN/);
    expect(await output("run", "--rm", "--network", "none", "composed:lunch", "cat", "/made")).toBe(
      "composed\n",
    );
  },
);

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
