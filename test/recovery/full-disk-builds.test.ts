/** Builds on a disk that is full before they are over, and steps that want to outlive them: a sentence, nothing left, and the next build is done. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { type CommandResult, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { endSmallDisk, freeBytes, smallDiskEngine } from "../support/small-disk-engine.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";
import { writeFiles } from "../support/write-files.ts";

const mountBytes = 32 << 20;
const noRoom = /no space left|no room|ENOSPC/i;

let engine: TestEngine;
let files: TemporaryDirectory;
beforeAll(async () => {
  files = temporaryDirectory("full-disk-builds");
  engine = await smallDiskEngine(mountBytes);
}, 60_000);
afterAll(async () => {
  await endSmallDisk(engine);
  files[Symbol.dispose]();
});

function context(content: Readonly<Record<string, string>>): string {
  const directory = `${files.path}/context-${crypto.randomUUID()}`;
  writeFiles(directory, content);
  return directory;
}

/** What fails, and then that nothing of it is there. */
async function failing(room: number, context: string | Uint8Array): Promise<CommandResult> {
  const result =
    typeof context === "string"
      ? await engine.cli("build", context)
      : await engine.cliWith({ input: context }, "build", "-");
  expect(result.exitCode).not.toBe(0);
  expect(await engine.output("ps", "-aq")).toBe("");
  await until("the room", () => freeBytes(engine) > room - (1 << 20));
  expect(readdirSync(`${engine.root}/builds`)).toEqual([]);
  expect(readdirSync(`${engine.root}/unfinished`)).toEqual([]);
  return result;
}

const step = (script: string): string => context({ Dockerfile: `FROM base\nRUN ${script}\n` });
const megabytes = (count: number): string => `dd if=/dev/urandom bs=1M count=${count} 2>/dev/null`;

test("a step that fills the disk, one whose layer has no room, and a context that has none, sent or copied, fail with a sentence and leave nothing", async () => {
  const room = freeBytes(engine);
  const filled = await failing(room, step("dd if=/dev/zero of=/big bs=1M"));
  expect(filled.stdout).toMatch(noRoom);
  const most = Math.floor((room >> 20) * 0.7);
  expect((await failing(room, step(`${megabytes(most)} > /big`))).stderr).toMatch(noRoom);
  const large = context({ Dockerfile: "FROM base\nCOPY . /all\n" });
  const part = new Uint8Array(1 << 20);
  for (let index = 0; index < (mountBytes >> 20) + 2; index += 1) {
    writeFileSync(`${large}/part${index}`, part.fill(index + 1));
  }
  expect((await failing(room, large)).stderr).toMatch(noRoom);
  // One that is sent has to be somewhere before a step of it is done.
  writeFileSync(`${large}/Dockerfile`, "FROM base\nCOPY part0 /part\n");
  const sent = Bun.spawnSync(["tar", "-C", large, "-cf", "-", "."]).stdout;
  expect((await failing(room, sent)).stderr).toMatch(noRoom);
  await engine.output("build", "-q", "-t", "after", step("echo after > /after"));
  expect(await engine.output("run", "--rm", "after", "cat", "/after")).toBe("after");
}, 120_000);

test("a cache mount that has filled the disk is told of by its step, and pruned", async () => {
  const room = freeBytes(engine);
  const { exitCode } = await engine.cli(
    "build",
    step("--mount=type=cache,target=/c dd if=/dev/zero of=/c/big bs=1M"),
  );
  expect(exitCode).toBe(1);
  expect(freeBytes(engine)).toBeLessThan(1 << 20);
  await engine.output("builder", "prune", "-af");
  await until("the room", () => freeBytes(engine) > room - (1 << 20));
  await engine.output("build", "-q", step("echo pruned > /pruned"));
}, 120_000);

test("a step whose processes hop from one to the next ends with it, and with a client that goes", async () => {
  const name = `hop-${crypto.randomUUID()}`;
  const hopping = `printf 'sleep 0.02\\nsetsid sh /${name} >/dev/null 2>&1 &\\n' > /${name}; sh /${name}`;
  const hoppers = (): string[] =>
    readdirSync("/proc").filter((pid) => {
      try {
        return /^\d+$/.test(pid) && readFileSync(`/proc/${pid}/cmdline`, "utf8").includes(`sh\0/${name}`);
      } catch {
        return false;
      }
    });
  await engine.output("build", "-q", "--no-cache", step(hopping));
  await until("all of them to go", () => hoppers().length === 0);
  const client = Bun.spawn(tiffinCommand("build", "--no-cache", step(`${hopping}; sleep 600`)), {
    env: { ...process.env, TIFFIN_HOST: engine.host },
    stdin: "ignore",
    stdout: "ignore",
    stderr: "ignore",
  });
  await until("them to hop", () => hoppers().length > 0);
  client.kill("SIGKILL");
  await client.exited;
  await until("the step to go", async () => (await engine.output("ps", "-aq")) === "");
  await until("all of them to go", () => hoppers().length === 0);
}, 60_000);

test("what a failed step leaves to look into has no secret, and neither has anything else", async () => {
  const secret = `secret-${crypto.randomUUID()}`;
  const directory = step(
    `--mount=type=secret,id=word --mount=type=secret,id=word,env=WORD test "$WORD" = "$(cat /run/secrets/word)" && echo half > /half && exit 9`,
  );
  const { exitCode, stdout, stderr } = await engine.cliWith(
    { env: { MY_WORD: secret } },
    ..."build --why --debug half --secret id=word,env=MY_WORD".split(" "),
    directory,
  );
  expect({ exitCode, leaks: `${stdout}${stderr}`.includes(secret) }).toEqual({ exitCode: 9, leaks: false });
  const look = "cat /half; ls -A /run/secrets 2>/dev/null; env";
  const seen = await engine.output("run", "--rm", "half", "sh", "-c", look);
  expect(seen).toStartWith("half\n");
  expect(seen).not.toContain(secret);
  for (const place of [engine.root, engine.run, `${engine.directory}/engine.1.log`]) {
    expect(Bun.spawnSync(["grep", "-rlaF", "--devices=skip", secret, place]).stdout.toString()).toBe("");
  }
}, 60_000);
