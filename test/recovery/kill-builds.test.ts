/**
 * SIGKILL of the engine in the middle of a build by BuildKit's protocol: while a step runs, and while files come. Nothing is left but
 * cache, and the next engine goes on from it.
 */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync, readFileSync, statSync, truncateSync, writeFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type HostSnapshot, leftovers } from "../support/host-snapshot.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { until } from "../support/until.ts";

const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "23.0.0") < 0);
const withClient = test.skipIf(docker === undefined);
/** A hole, which costs the client nothing to have and takes a while to be sent. */
const largeBytes = 1024 ** 3;

let engine: TestEngine;
let files: TemporaryDirectory;
const at = (name: string): string => `${files.path}/${name}`;

function start(...words: readonly string[]) {
  const env = { ...process.env, DOCKER_HOST: engine.host, DOCKER_BUILDKIT: "1", DOCKER_CONFIG: at("config") };
  return Bun.spawn([docker?.path ?? "", ...words], { env, stdin: "ignore", stdout: "pipe", stderr: "pipe" });
}
const said = (...words: readonly string[]): Promise<Outcome> => outcomeOf(start(...words));

beforeAll(async () => {
  if (docker === undefined) return;
  files = temporaryDirectory("kill-builds");
  engine = await startEngine();
  mkdirSync(at("context"));
  writeFileSync(at("context/soup"), "tomato\n");
}, 90_000);
afterAll(async () => {
  if (docker === undefined) return;
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

/** Waits until there is nothing beside cache, which is layers of steps and files of clients. */
async function expectNothingBeside(before: HostSnapshot): Promise<void> {
  const cache = new RegExp(`${engine.root}/(layers|contexts)/`);
  let left: string[] = [];
  const look = (): boolean => {
    const now = engine.snapshot();
    left = leftovers({ ...before, descriptors: now.descriptors }, now).filter((line) => !cache.test(line));
    return left.length === 0;
  };
  await until("nothing beside cache", look).catch(() => expect(left).toEqual([]));
}

withClient("while a step runs: it ends with its engine, and steps before it are not run again", async () => {
  const dockerfile = (last: string): string =>
    `FROM base\nCOPY soup /soup\nRUN date +%N > /once\nRUN echo it runs; ${last}\n`;
  writeFileSync(at("context/Dockerfile"), dockerfile("true"));
  expect(await said("build", "-t", "lunch:before", at("context"))).toMatchObject({ code: 0 });
  const once = (tag: string): Promise<Outcome> =>
    said("run", "--rm", "--network", "none", tag, "cat", "/once");
  const first = await once("lunch:before");
  const before = engine.snapshot();
  writeFileSync(at("context/Dockerfile"), dockerfile("exec sleep 1000"));
  const client = start("build", at("context"));
  let heard = "";
  for await (const piece of client.stderr) {
    heard += Buffer.from(piece).toString();
    if (/#\d+ \d+\.\d+ it runs/.test(heard)) break;
  }
  await engine.crash();
  expect(await client.exited).not.toBe(0);
  await engine.start();
  await expectNothingBeside(before);
  writeFileSync(at("context/Dockerfile"), dockerfile("echo done"));
  expect(await said("build", "-t", "lunch:after", at("context"))).toMatchObject({ code: 0 });
  expect((await once("lunch:after")).stdout).toBe(first.stdout);
});

withClient("while files come: what was cut short is brought again, the rest is not", async () => {
  writeFileSync(at("context/Dockerfile"), "FROM scratch\nCOPY . /\n");
  expect(await said("build", at("context"))).toMatchObject({ code: 0 });
  const before = engine.snapshot();
  // The client goes through its names in order: this one comes before the soup, which is there.
  writeFileSync(at("context/large"), "");
  truncateSync(at("context/large"), largeBytes);
  const client = start("build", at("context"));
  const partOf = (): number | undefined => {
    for (const context of readdirSync(`${engine.root}/contexts`)) {
      for (const place of readdirSync(`${engine.root}/contexts/${context}`)) {
        const file = `${engine.root}/contexts/${context}/${place}/large`;
        const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
        if (size > 0) return size;
      }
    }
    return undefined;
  };
  await until("a part of the large file is there", () => partOf() !== undefined);
  await engine.crash();
  expect(await client.exited).not.toBe(0);
  expect(partOf()).toBeLessThan(largeBytes);
  await engine.start();
  await expectNothingBeside(before);
  writeFileSync(at("context/large"), "small after all\n");
  expect(await said("build", "-o", at("out"), at("context"))).toMatchObject({ code: 0 });
  expect(readFileSync(at("out/large"), "utf8")).toBe("small after all\n");
  expect(readFileSync(at("out/soup"), "utf8")).toBe("tomato\n");
});
