/**
 * The newest buildx and bake, with the docker driver. The plug-in takes minutes to build from its Go module, so this runs where
 * `tools/buildx.sh` has been called; elsewhere the same services are tested by docker's older client and by clients of our own.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { cpSync, existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";
import { writeFiles } from "../support/write-files.ts";

const plugin = join(import.meta.dir, "../../.build/go/plugins/docker-buildx");
const [docker] = dockerClients;
const isThere = existsSync(plugin) && docker !== undefined;

let engine: TestEngine;
let files: TemporaryDirectory;
const at = (name: string): string => `${files.path}/${name}`;

function start(words: readonly string[], directory: string) {
  const env = {
    ...process.env,
    DOCKER_HOST: engine.host,
    DOCKER_CONFIG: at("config"),
    BUILDKIT_PROGRESS: "plain",
  };
  return Bun.spawn([docker?.path ?? "", ...words], {
    env,
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
    cwd: at(directory),
  });
}
const said = (directory: string, ...words: readonly string[]): Promise<Outcome> =>
  outcomeOf(start(words, directory));

async function output(directory: string, ...words: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = await said(directory, ...words);
  if (code !== 0) throw new Error(`docker ${words.join(" ")}: ${stdout}\n${stderr}`);
  return stdout;
}

function write(path: string, content: string): void {
  writeFiles(files.path, { [path]: content });
}

beforeAll(async () => {
  if (!isThere) return;
  files = temporaryDirectory("compat-buildx");
  engine = await startEngine();
  mkdirSync(at("config/cli-plugins"), { recursive: true });
  cpSync(plugin, at("config/cli-plugins/docker-buildx"));
  write("one/Dockerfile", "FROM base\nARG NAME=nobody\nCOPY menu /menu\nRUN echo for $NAME >> /menu\n");
  write("one/menu", "soup\n");
}, 90_000);
afterAll(async () => {
  if (!isThere) return;
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

const withBuildx = test.skipIf(!isThere);
const note = isThere ? "" : " (buildx is not built on this machine)";

withBuildx(`buildx builds, tells its steps, and takes from the cache what it built${note}`, async () => {
  const words = ["buildx", "build", "--build-arg", "NAME=noon", "-t", "one", "."];
  const first = await said("one", ...words);
  expect(first).toMatchObject({ code: 0 });
  expect(first.stderr).toMatch(/#\d+ \[.*COPY menu \/menu/);
  expect(await output("one", "run", "--rm", "--network", "none", "one", "cat", "/menu")).toBe(
    "soup\nfor noon\n",
  );
  expect((await said("one", ...words)).stderr).toMatch(/#\d+ CACHED/);
});

withBuildx(`outputs: a directory, an archive of files, an image's archive${note}`, async () => {
  const built = await said(
    "one",
    "buildx",
    "build",
    "-o",
    at("out"),
    "-o",
    `type=oci,dest=${at("one.oci")}`,
    ".",
  );
  expect(built).toMatchObject({ code: 0 });
  expect(readFileSync(at("out/menu"), "utf8")).toBe("soup\nfor nobody\n");
  expect(Bun.spawnSync(["tar", "tf", at("one.oci")]).stdout.toString()).toContain("index.json");
});

withBuildx(`what bake builds from what it built, and nothing else, is there${note}`, async () => {
  write(
    "bake/Dockerfile",
    "FROM base AS first\nRUN echo baked > /first\nFROM base AS second\nCOPY --from=given /first /second\n",
  );
  write(
    "bake/docker-bake.json",
    JSON.stringify({
      target: {
        default: { target: "second", contexts: { given: "target:first" }, tags: ["bake:second"] },
        first: { target: "first" },
      },
    }),
  );
  const images = async (): Promise<string[]> => (await output("bake", "images", "-q")).split("\n").sort();
  const before = await images();
  expect(await said("bake", "buildx", "bake")).toMatchObject({ code: 0 });
  expect(await output("bake", "run", "--rm", "--network", "none", "bake:second", "cat", "/second")).toBe(
    "baked\n",
  );
  await until("the image between is gone", async () => (await images()).length === before.length + 1);
});

withBuildx(`a failure is told with its lines, and the history knows it${note}`, async () => {
  write("failing/Dockerfile", "FROM base\nRUN echo it burns; exit 9\n");
  const failed = await said("failing", "buildx", "build", ".");
  expect(failed.code).not.toBe(0);
  expect(failed.stderr).toContain("it burns");
  expect(failed.stderr).toContain("exit code: 9");
  const history = await output("failing", "buildx", "history", "ls");
  expect(history).toMatch(/failing\s+Error/);
  expect(history).toMatch(/Completed/);
});

withBuildx(`what is cached is told, and goes${note}`, async () => {
  expect(await output("one", "buildx", "du")).toMatch(/Total:/);
  expect(await said("one", "buildx", "prune", "-af")).toMatchObject({ code: 0 });
  expect(await output("one", "buildx", "du")).toMatch(/Total:\s+0B/);
  expect(await output("one", "buildx", "inspect")).toContain("running");
});

withBuildx(`Ctrl-C ends the build, and nothing of it is left${note}`, async () => {
  write("long/Dockerfile", "FROM base\nRUN echo it runs; sleep 1000\n");
  const before = await output("long", "ps", "-aq");
  const client = start(["buildx", "build", "."], "long");
  let heard = "";
  for await (const piece of client.stderr) {
    heard += Buffer.from(piece).toString();
    if (/#\d+ \d+\.\d+ it runs/.test(heard)) break;
  }
  client.kill("SIGINT");
  expect(await client.exited).not.toBe(0);
  await until("the step's container is gone", async () => (await output("long", "ps", "-aq")) === before);
});

test.skipIf(!isThere)(
  `the checks are told at the end of a build, and alone, as targets and arguments are${isThere ? "" : " (buildx is not built on this machine)"}`,
  async () => {
    await output("one", "buildx", "build", "."); // `base` is here from now on.
    write("doubtful/Dockerfile", "FROM base as Doubtful\nWORKDIR /$PAHT\n");
    const built = await said("doubtful", "buildx", "build", ".");
    expect(built.stderr).toContain(
      "WARN: FromAsCasing: 'as' and 'FROM' keywords' casing do not match (line 1)",
    );
    expect(built.stderr).toContain(
      " - UndefinedVar: Usage of undefined variable '$PAHT' (did you mean $PATH?) (line 2)",
    );
    const checked = await said("doubtful", "build", "--check", ".");
    expect(checked.code).toBe(1);
    expect(checked.stdout).toStartWith(
      "Check complete, 3 warnings have been found!\n\nWARNING: FromAsCasing - https://",
    );
    write("doubtful/Dockerfile", "FROM base\n");
    expect(await said("doubtful", "build", "--check", ".")).toMatchObject({
      code: 0,
      stdout: "Check complete, no warnings found.\n",
    });
    write("doubtful/Dockerfile", "FROM base AS only\n# WORD is said\nARG WORD=hello\n");
    const asked = async (question: string) =>
      (await said("doubtful", "build", `--call=${question}`, ".")).stdout;
    expect(await asked("targets")).toMatch(/^TARGET +DESCRIPTION\nonly \(default\) *\n/);
    expect(await asked("outline")).toMatch(/BUILD ARG +VALUE +DESCRIPTION\nWORD +hello +is said\n/);
  },
  60_000,
);
