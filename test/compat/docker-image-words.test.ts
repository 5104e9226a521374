/**
 * Commands for images, each said three times: by docker's client to a real dockerd, by the same client to our engine, and by our own
 * client. What is printed, where, and how it ends are the same; what a newer dockerd than Debian's words otherwise is named below.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, writeFileSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { type Outcome, outcomeOf } from "../support/outcome.ts";
import { hasDockerd, OwnDockerd } from "../support/own-dockerd.ts";
import { hasDockerRegistry, type RealRegistry, startRegistry } from "../support/real-registry.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";

const docker = dockerClients.find(({ version }) => Bun.semver.order(version, "28.0.0") >= 0)?.path;
const possible = docker !== undefined && hasDockerd && hasDockerRegistry;

let engine: TestEngine;
let dockerd: OwnDockerd;
let registry: RealRegistry;
let files: TemporaryDirectory;

beforeAll(async () => {
  if (!possible) return;
  files = temporaryDirectory("compat-image-words");
  [engine, dockerd, registry] = await Promise.all([startEngine(), OwnDockerd.start(), startRegistry()]);
  await dockerd.reach(registry.port);
  // One file, so that sizes have nothing to differ in.
  mkdirSync(`${files.path}/root`);
  writeFileSync(`${files.path}/root/file`, "content\n".repeat(1000));
  expect(Bun.spawnSync(["tar", "-C", `${files.path}/root`, "-cf", at("root.tar"), "file"]).exitCode).toBe(0);
  await said("docker", "dockerd", [
    "import",
    "-c",
    'CMD ["/x"]',
    "-c",
    "LABEL a=b",
    at("root.tar"),
    "our/box:1",
  ]);
  await said("docker", "dockerd", ["tag", "our/box:1", "our/box:two"]);
  await said("docker", "dockerd", ["rmi", "base"]);
  await said("docker", "dockerd", ["save", "-o", at("images.tar"), "our/box"]);
  await engine.output("load", "-q", "-i", at("images.tar"));
  await engine.output("rmi", "base");
  await said("docker", "dockerd", ["create", "--name", "user", "our/box:1"]);
  await engine.output("create", "--name", "user", "our/box:1");
}, 60_000);
afterAll(async () => {
  if (!possible) return;
  await engine[Symbol.asyncDispose]();
  await dockerd[Symbol.asyncDispose]();
  await registry[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

const at = (name: string): string => `${files.path}/${name}`;

async function said(
  client: "docker" | "tiffin",
  server: "dockerd" | "engine",
  words: readonly string[],
): Promise<Outcome> {
  const host = server === "dockerd" ? `unix://${dockerd.socket}` : engine.host;
  const program = client === "docker" ? [docker ?? ""] : tiffinCommand();
  const started = Bun.spawn([...program, ...words], {
    env: {
      ...process.env,
      DOCKER_HOST: host,
      TIFFIN_HOST: host,
      DOCKER_CONFIG: at(`config-${client}-${server}`),
    },
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const { code, stdout, stderr } = await outcomeOf(started);
  return { code, stdout: comparable(stdout), stderr: comparable(stderr) };
}

/** Ids of containers and ages apart, and without what Debian's dockerd, of 2020, still words in another way. */
function comparable(text: string): string {
  return (
    text
      .replace(/container [0-9a-f]{12}/g, "container ID")
      .replace(/^[0-9a-f]{12}(?= +our\/box:1 +"\/x")/gm, "ID")
      .replace(/(\/box)(@| +\w+ +)sha256:[0-9a-f]{64}/g, "$1$2DIGEST")
      // Said of what takes long enough, and not always the other way.
      .replace(/^[0-9a-f]{12}: Verifying Checksum\n/gm, "")
      .replace(/(?:Less than a|About an?|\d+) (?:second|minute|hour)s? ago/g, "AGE")
      .replace(/(AGE|CREATED) +/g, "$1 ")
      .replace(/\bInvalid filter\b/g, "invalid filter")
      .replace(/\bLimit (\d+) is\b/g, "limit $1 is")
      .replace(/filter '(stars)=\[(\w+)\]'/g, "filter '$1=$2'")
      .replace(/no such image: \S+: (No such image)/g, "$1")
      .replace(
        /repository name must be lowercase|repository name \(\S+\) must be lowercase/g,
        "must be lowercase",
      )
  );
}

/** `$R` is a registry, `$F` a directory of files. */
async function everywhere(line: string): Promise<void> {
  const words = line
    .split(/ (?=(?:[^"]*"[^"]*")*[^"]*$)/)
    .map((word) => word.replace(/^"|"$/g, ""))
    .map((word) => word.replace("$R", registry.host).replace("$F", files.path));
  const [expected, byDocker, byUs] = await Promise.all([
    said("docker", "dockerd", words),
    said("docker", "engine", words),
    said("tiffin", "engine", words),
  ]);
  expect(byDocker).toEqual(expected);
  expect(byUs).toEqual(expected);
}

if (!possible)
  test.skip("words: all of them (skipped without docker 28, dockerd or docker-registry)", () => {});
else {
  describe("without a change", () => {
    test.each([
      "images",
      "images -a",
      "images -q",
      "images --no-trunc",
      "images --digests",
      "images our/box",
      "images our/box:two",
      "images none",
      "images our/*",
      "images -f dangling=true",
      "images -f dangling=false",
      "images -f dangling=maybe",
      "images -f nosuch=x",
      "images -f before=our/box:1",
      "images -f since=our/box:1",
      "images -f before=nosuch",
      "images -f reference=our/*:t*",
      "images -f label=a",
      "images -f label=a=c",
      'images --format "{{json .}}"',
      "images --format json",
      'images --format "table {{.Repository}}\\t{{.Tag}}\\t{{.Containers}}\\t{{.SharedSize}}\\t{{.UniqueSize}}"',
      'images --format "{{.ID}} {{.CreatedAt}} {{.CreatedSince}} {{.Size}} {{.VirtualSize}} {{.Digest}}"',
      "history our/box:1",
      "history --no-trunc our/box:1",
      "history -H=false our/box:1",
      "history -q our/box:1",
      "history --format json our/box:1",
      "history nosuch",
      'image inspect -f "{{json .RootFS}}" our/box:1',
      'image inspect -f "{{.Id}} {{json .RootFS}} {{json .RepoTags}}" our/box:1',
      "image inspect nosuch",
      'image inspect -f "{{.Os}}" our/box:1 nosuch',
      "tag nosuch x",
      "tag our/box:1 Bad",
      "tag our/box:1 sha256:x",
      "tag our/box:1 a:b:c",
      "rmi nosuch",
      "rmi -f nosuch",
      "rmi BAD",
      "save -o $F/none/x our/box:1",
      "save -o $F our/box:1",
      "load -i $F/none",
      "import $F/none",
      "import $F/root.tar BAD",
      "image prune -f",
      "image prune -f --filter nosuch=1",
      "image prune -f --filter dangling=maybe",
      "commit nosuch",
      "commit nosuch BAD",
      "pull BAD",
      "pull $R/box:none",
      "pull -a $R/box:one",
      "push $R/none:1",
      "push -a $R/none",
      "push -a $R/none:1",
      "push BAD",
      `push $R/none@sha256:${"0".repeat(64)}`,
      "search --limit 101 x",
      "search -f nosuch=1 x",
      "search -f stars=x y",
      "search -f is-official=maybe y",
      "login -u a $R",
      "login --password-stdin $R",
      "login -p a --password-stdin $R",
      "logout $R",
      "logout",
      "system df -v",
      'system df -v --format "{{json .Images}}"',
      'system df -v --format "{{range .Images}}{{.Repository}} {{end}}"',
    ])("%s", everywhere);
  });

  test("what stands in the way of a removal, and what goes with it", async () => {
    const { stdout } = await said("docker", "dockerd", ["images", "-q", "our/box:1"]);
    const id = stdout.trim();
    await everywhere(`rmi ${id}`);
    const both = async (...words: string[]): Promise<void> => {
      const [expected, found] = await Promise.all([
        said("docker", "dockerd", words),
        said("tiffin", "engine", words),
      ]);
      expect({ words, ...found }).toEqual({ words, ...expected });
    };
    await both("rmi", "our/box:two");
    await everywhere("rmi our/box:1");
    await everywhere(`rmi ${id}`);
    await both("tag", "our/box:1", "our/box:three");
    await both("rm", "user");
    await both("rmi", "-f", id);
    await both("load", "-i", at("images.tar"));
    await both("load", "-q", "-i", at("images.tar"));
    await both("tag", "our/box:1", `${registry.host}/pulled/box:1`);
    await both("push", "-q", `${registry.host}/pulled/box:1`);
    // Each has pushed what it has; the later of the two is what both pull.
    await both("rmi", `${registry.host}/pulled/box:1`);
    await both("rmi", "our/box:1", "our/box:two");
    await both("pull", `${registry.host}/pulled/box:1`);
    await both("pull", `${registry.host}/pulled/box:1`);
    await both("pull", "-a", `${registry.host}/pulled/box`);
    await both("images", "--digests", `${registry.host}/pulled/box`);
    await both("image", "prune", "-a", "-f");
  }, 60_000);
}
