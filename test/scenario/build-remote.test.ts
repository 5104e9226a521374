/** What is built from elsewhere: git repositories in every way of naming them, archives and Dockerfiles of the web. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { existsSync, readdirSync, readFileSync, readlinkSync, symlinkSync, writeFileSync } from "node:fs";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { type GitServer, serveGit } from "../support/git-server.ts";
import { type TemporaryDirectory, temporaryDirectory } from "../support/temporary-directory.ts";
import { writeFiles } from "../support/write-files.ts";

let engine: TestEngine;
let files: TemporaryDirectory;
let server: GitServer;
const commits: Record<string, string> = {};

const at = (name: string): string => `${files.path}/${name}`;

function git(directory: string, ...words: readonly string[]): string {
  const { stdout, stderr, exitCode } = Bun.spawnSync([
    ..."git -c user.name=t -c user.email=t@t -c init.defaultBranch=main -c protocol.file.allow=always".split(
      " ",
    ),
    "-C",
    directory,
    ...words,
  ]);
  if (exitCode !== 0) throw new Error(`git ${words.join(" ")}: ${stderr}`);
  return stdout.toString().trim();
}

function commit(directory: string, content: string, name: string): void {
  writeFiles(directory, { menu: `${content}\n`, "sub/menu": `sub ${content}\n` });
  git(directory, "add", ".");
  git(directory, "commit", "-qm", content);
  commits[name] = git(directory, "rev-parse", "HEAD");
}

/** A repository with two branches, two tags, a link that leads out, and a commit that no name has; and one with a submodule. */
function makeRepositories(): void {
  const work = at("work");
  const module = at("module");
  writeFiles(module, { inner: "of the module\n" });
  git(module, "init", "-q");
  git(module, "add", ".");
  git(module, "commit", "-qm", "module");
  git(files.path, "clone", "-q", "--bare", module, at("served/module.git"));
  const dockerfile = "FROM scratch\nCOPY . /got/\n";
  writeFiles(work, {
    Dockerfile: dockerfile,
    "sub/Dockerfile": dockerfile,
    "other/My.Dockerfile": dockerfile,
  });
  git(work, "init", "-q");
  symlinkSync("/etc", `${work}/out`);
  commit(work, "one", "one");
  git(work, "tag", "light");
  git(work, "tag", "-a", "annotated", "-m", "with words");
  commit(work, "two", "two");
  git(work, "checkout", "-q", "-b", "feature/soup", "light");
  commit(work, "soup", "soup");
  commit(work, "more soup", "more");
  git(work, "checkout", "-q", "main");
  git(files.path, "clone", "-q", "--bare", work, at("served/r.git"));
  git(at("served/r.git"), "update-ref", "refs/pull/7/head", commits["soup"] ?? "");
  git(work, "submodule", "--quiet", "add", module, "module");
  writeFileSync(`${work}/.gitmodules`, `[submodule "module"]\n\tpath = module\n\turl = ../module.git\n`);
  commit(work, "with module", "module");
  git(files.path, "clone", "-q", "--bare", work, at("served/s.git"));
}

beforeAll(async () => {
  files = temporaryDirectory("build-remote");
  makeRepositories();
  server = serveGit(at("served"));
  engine = await startEngine();
}, 60_000);
afterAll(async () => {
  await server[Symbol.asyncDispose]();
  await engine[Symbol.asyncDispose]();
  files[Symbol.dispose]();
});

let builds = 0;

/** Where the files are that the build has come to. */
async function built(...words: readonly string[]): Promise<string> {
  builds += 1;
  const directory = at(`built-${builds}`);
  await engine.output("build", "-o", directory, ...words);
  return directory;
}

/** What the build has of the context: its menu, and the names. */
async function got(...words: readonly string[]): Promise<string> {
  const directory = await built(...words);
  const names = readdirSync(`${directory}/got`).sort((one, other) => (one < other ? -1 : 1));
  return [readFileSync(`${directory}/got/menu`, "utf8").trim(), ...names].join("\n");
}

const whole = "Dockerfile\nmenu\nother\nout\nsub";

test("a repository is the context, by branch, tag, commit and reference, whole or a directory of it", async () => {
  const url = `${server.url}/r.git`;
  const ways: Readonly<Record<string, string>> = {
    "": `two\n${whole}`,
    "#main": `two\n${whole}`,
    "#light": `one\n${whole}`,
    "#annotated": `one\n${whole}`,
    "#feature/soup": `more soup\n${whole}`,
    [`#${commits["soup"]}`]: `soup\n${whole}`,
    "#refs/pull/7/head": `soup\n${whole}`,
    "#:sub": "sub two\nDockerfile\nmenu",
    "#light:sub": "sub one\nDockerfile\nmenu",
    "?branch=feature/soup&subdir=sub": "sub more soup\nDockerfile\nmenu",
    "?tag=annotated": `one\n${whole}`,
    "?ref=pull/7/head": `soup\n${whole}`,
    "?ref=refs/pull/7/head": `soup\n${whole}`,
    [`?branch=main&commit=${commits["two"]?.slice(0, 9)}`]: `two\n${whole}`,
    [`?checksum=${commits["one"]}&tag=light`]: `one\n${whole}`,
  };
  for (const [suffix, content] of Object.entries(ways)) {
    expect({ suffix, content: await got(`${url}${suffix}`) }).toEqual({ suffix, content });
  }
  expect(await got("-f", "other/My.Dockerfile", `${url}?tag=light`)).toBe(`one\n${whole}`);
}, 120_000);

test("submodules come along unless it is said, the repository's own directory only where it is", async () => {
  const url = `${server.url}/s.git`;
  const plain = await built(url);
  expect(readFileSync(`${plain}/got/module/inner`, "utf8")).toBe("of the module\n");
  expect(existsSync(`${plain}/got/.git`)).toBe(false);
  const bare = await built(`${url}?submodules=false&keep-git-dir=true`);
  expect(readdirSync(`${bare}/got/module`)).toEqual([]);
  expect(readFileSync(`${bare}/got/.git/HEAD`, "utf8").trim()).toBe(commits["module"] ?? "");
  const kept = await built("--build-arg", "BUILDKIT_CONTEXT_KEEP_GIT_DIR=1", `${server.url}/r.git`);
  expect(existsSync(`${kept}/got/.git/HEAD`)).toBe(true);
  writeFiles(at("add"), {
    Dockerfile: `FROM scratch
ADD --keep-git-dir=true ${url}#:sub /kept
ADD --keep-git-dir=true ${url}?branch=main /with
ADD --checksum=${commits["one"]} ${url}?tag=light /without`,
  });
  const added = await built(at("add"));
  expect(readFileSync(`${added}/kept/menu`, "utf8")).toBe("sub with module\n");
  expect(readFileSync(`${added}/with/module/inner`, "utf8")).toBe("of the module\n");
  expect(readlinkSync(`${added}/with/out`)).toBe("/etc");
  expect([existsSync(`${added}/with/.git`), existsSync(`${added}/without/.git`)]).toEqual([true, false]);
}, 120_000);

test("a token among the secrets lets in, and is in nothing that is told or kept", async () => {
  const token = `token-${crypto.randomUUID()}`;
  writeFiles(at("private"), { Dockerfile: `FROM base\nADD ${server.url}/r.git#light /got` });
  const { exitCode, stdout, stderr } = await engine.cliWith(
    { env: { MY_TOKEN: token } },
    ..."build --no-cache -t private --secret id=GIT_AUTH_TOKEN,env=MY_TOKEN".split(" "),
    at("private"),
  );
  expect({ exitCode, stderr }).toEqual({ exitCode: 0, stderr: "" });
  const sent = server.asked.map((headers) => headers.get("authorization") ?? "");
  expect(sent).toContain(`basic ${Buffer.from(`x-access-token:${token}`).toString("base64")}`);
  expect(stdout).not.toContain(token);
  expect(await engine.output("history", "--no-trunc", "private")).not.toContain(token);
}, 60_000);

test("what leads out, contradicts itself, is no option of ours or would be one of git's is refused with a sentence", async () => {
  const url = `${server.url}/r.git`;
  const refused: Readonly<Record<string, string>> = {
    [`${url}#light:../..`]: "leads out of it",
    [`${url}?subdir=../..`]: "leads out of it",
    [`${url}#light:out`]: "there is no directory",
    [`${url}#--upload-pack=x`]: "invalid git reference",
    [`${url}?ref=--upload-pack=x`]: "invalid git reference",
    [`${url}?branch=..`]: "invalid git reference",
    [`${url}?branch=main&tag=light`]: "only one of ref, branch and tag",
    [`${url}?branch=main#light`]: "contradicts",
    [`${url}?colour=red`]: "unknown query colour",
    [`${url}?branch=a&branch=b`]: "said twice",
    [`${url}?submodules=perhaps`]: "neither true nor false",
    [`${url}?checksum=HEAD`]: "digits of a commit",
    [`${url}?checksum=${commits["one"]}`]: "expected checksum to match",
    [`${url}#nowhere`]: "nowhere",
    "ssh://-oProxyCommand=x/r.git": "its host would be an option",
    "git@-x:r.git": "its host would be an option",
    "https://ext::sh/r.git": "invalid git address",
    [`${server.url}/none.git`]: "failed",
    [`${server.url}/none.tar`]: "404",
  };
  for (const [address, told] of Object.entries(refused)) {
    const { exitCode, stderr } = await engine.cli("build", address);
    expect({ address, exitCode, stderr }).toEqual({
      address,
      exitCode: 1,
      stderr: expect.stringContaining(told),
    });
  }
  const { exitCode, stderr } = await engine.cli("build", `http://cook:lunchtime@${server.host}/none.git`);
  expect({ exitCode, leaks: stderr.includes("lunchtime") }).toEqual({ exitCode: 1, leaks: false });
}, 120_000);

test("an archive of the web is the context, and anything else that is there the Dockerfile", async () => {
  writeFiles(at("web"), {
    Dockerfile: "FROM scratch\nCOPY menu /got/menu",
    "other/D": "FROM scratch\nCOPY . /got/",
    menu: "web\n",
  });
  for (const [name, option] of [
    ["plain.tar", "-cf"],
    ["zipped.tgz", "-czf"],
  ] as const) {
    Bun.spawnSync(["tar", "-C", at("web"), option, at(`served/${name}`), "."]);
    expect(await got(`${server.url}/${name}`)).toBe("web\nmenu");
    expect(await got("-f", "other/D", `${server.url}/${name}`)).toBe("web\nDockerfile\nmenu\nother");
  }
  writeFileSync(at("served/alone"), "FROM scratch\nCOPY <<menu /got/\nalone\nmenu\n");
  expect(await got(`${server.url}/alone`)).toBe("alone\nmenu");
  const answer = await engine.http(
    "POST",
    `/build?t=by-api&remote=${encodeURIComponent(`${server.url}/r.git#light`)}`,
  );
  expect(answer.status).toBe(200);
  expect(await engine.output("images", "-q", "by-api")).not.toBe("");
}, 60_000);
