/** The cases of tools/docker-cases.ts: the newest docker client against this engine and against Docker's own. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type DockerCase, type DockerStep, dockerCases } from "../../tools/docker-cases.ts";
import { makeBusyboxRoot } from "../support/busybox-root.ts";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const client = dockerClients[0];
/** What the Docker engines that Debian has speak; both sides are asked in it. */
const commonVersion = "1.41";

let engine: TestEngine;
let docker: OwnDockerd;
let files: TemporaryDirectory;

if (client === undefined || !hasDockerd) {
  test.skip("options of docker's client (docker or dockerd is not installed)", () => {});
} else {
  beforeAll(async () => {
    files = temporaryDirectory("docker-flags");
    [engine, docker] = await Promise.all([startEngine(), OwnDockerd.start()]);
    mkdirSync(`${files.path}/root`);
    const root = makeBusyboxRoot(`${files.path}/root`);
    const tar = Bun.spawn(["tar", "-C", root, "-c", "."], { stdout: "pipe" });
    const image = await new Response(tar.stdout).blob();
    for (const socket of [engine.socket, docker.socket]) {
      const url = "http://localhost/images/create?fromSrc=-&repo=same&tag=latest&changes=ENV%20PATH=/bin";
      const imported = await fetch(url, { method: "POST", unix: socket, body: image });
      expect({ status: imported.status, text: await imported.text() }).toMatchObject({ status: 200 });
    }
  }, 120_000);
  afterAll(async () => {
    await Promise.all([engine[Symbol.asyncDispose](), docker[Symbol.asyncDispose]()]);
    files[Symbol.dispose]();
  });

  test.each(dockerCases.map((entry) => [entry.what, entry] as const))("%s", async (_what, entry) => {
    const { alone, words } = entry;
    if (alone === undefined) {
      const [ours, theirs] = await Promise.all([
        told(client.path, engine.socket, "ours", entry, commonVersion),
        told(client.path, docker.socket, "theirs", entry, commonVersion),
      ]);
      const compared = ({ stderr, ...rest }: Told) => (words === undefined ? { stderr, ...rest } : rest);
      expect(ours.map(compared)).toEqual(theirs.map(compared));
      return;
    }
    const ours = await told(client.path, engine.socket, "ours", entry);
    expect(ours.map(({ code, stderr }) => ({ code, stderr }))).toEqual(
      ours.map(() => ({ code: 0, stderr: "" })),
    );
    for (const [index, pattern] of alone.printed.entries())
      expect(ours[index]?.stdout.trimEnd()).toMatch(pattern);
  });
}

interface Told extends Outcome {
  readonly step: string;
}

/** Every step's answer, in words that are the same for any engine; whatever was made is gone afterwards. */
async function told(
  program: string,
  socket: string,
  side: string,
  { steps }: DockerCase,
  version?: string,
): Promise<Told[]> {
  const directory = `${files.path}/${side}`;
  mkdirSync(directory);
  writeFileSync(`${directory}/env`, "FROM_FILE=from-a-file\n");
  writeFileSync(`${directory}/labels`, "from=a-file\n");
  const env = {
    ...process.env,
    DOCKER_HOST: `unix://${socket}`,
    DOCKER_CONFIG: directory,
    ...(version === undefined ? {} : { DOCKER_API_VERSION: version }),
  };
  const call = async (words: readonly string[]) =>
    await outcomeOf(Bun.spawn([program, ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" }));
  const answers: Told[] = [];
  try {
    for (const step of steps) {
      const outcome = await call(wordsOf(step).map((word) => word.replace("FILES", directory)));
      const plain = (text: string) => plainly(text.replaceAll(directory, "FILES"));
      answers.push({
        step: wordsOf(step).join(" "),
        code: outcome.code,
        stdout: step[0] === "container diff" ? sorted(plain(outcome.stdout)) : plain(outcome.stdout),
        stderr: plain(outcome.stderr),
      });
    }
    return answers;
  } finally {
    const left = (await call(["ps", "-aq"])).stdout.split("\n").filter(Boolean);
    if (left.length > 0) await call(["rm", "-fv", ...left]);
    const volumes = (await call(["volume", "ls", "-q"])).stdout.split("\n").filter(Boolean);
    if (volumes.length > 0) await call(["volume", "rm", "-f", ...volumes]);
    rmSync(directory, { recursive: true });
  }
}

function wordsOf([command, options, ...words]: DockerStep): string[] {
  return [...command.split(" "), ...options, ...words];
}

/** Older engines tell of changes in any order. */
function sorted(text: string): string {
  return text.split("\n").sort().join("\n");
}

/** Without what is different from run to run. */
function plainly(text: string): string {
  return text
    .replaceAll(/(?<=Error response from daemon: )[A-Z]/g, (letter) => letter.toLowerCase())
    .replaceAll(/\b[0-9a-f]{64}\b/g, "ID")
    .replaceAll(/\b[0-9a-f]{12}\b/g, "ID")
    .replaceAll("Container ID is", "container ID is")
    .replaceAll(/\d{4}-\d\d-\d\dT[\d:.]+(?:Z|[+-]\d\d:\d\d)/g, "TIME")
    .replaceAll(/\b(?:Less than a second|About a minute|\d+ (?:second|minute)s?)\b/g, "A WHILE")
    .replaceAll(/^ *\d+( +sleep 1000)$/gm, "PID$1");
}
