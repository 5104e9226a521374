/** `cp` of the real docker client and of our own, the same words: what is there afterwards is the same, and so is what is refused. */
import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { dockerClients } from "../support/docker-clients.ts";
import { startEngine, type TestEngine, tiffinCommand } from "../support/engine-harness.ts";
import { outcomeOf } from "../support/outcome.ts";

let engine: TestEngine;
const place = mkdtempSync("/tmp/tiffin-test-cp-");
const docker = dockerClients[0]?.path ?? "";

beforeAll(async () => {
  engine = await startEngine();
  await engine.output("run", "-d", "--name", "cc", "-e", "TZ=UTC", "base", "sleep", "1000");
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
  rmSync(place, { recursive: true, force: true });
});

/** The same tree on both sides of a copy. */
const tree = `
  mkdir -p a/b/c a/empty other
  echo one > a/one; chmod 4711 a/one; true
  echo two > a/b/two; ln a/b/two a/b/twin; ln -s one a/link; ln -s b a/dirlink; ln -s /nowhere a/broken
  chmod 2750 a/b/c; true
  echo file > file; echo other > other/file; ln -s a linked; mkdir -p exists/a; echo old > exists/a/one; echo old > old
  find . ! -type l -exec touch -d '2004-11-09 11:33:20' {} +; touch -d '2001-09-09 01:46:40' a/one
`;
const show = `find . | sort | while read -r f; do
  t=$(stat -c '%F %a %s' "$f"); [ -L "$f" ] && t="link $(readlink "$f")"; [ -d "$f" ] && [ ! -L "$f" ] && t=$(stat -c '%F %a' "$f")
  echo "$f $t $([ -f "$f" ] && [ ! -L "$f" ] && { cat "$f" | tr -d '\\n'; stat -c ' %Y %h' "$f"; })"
done`;

async function run(program: readonly string[], cwd: string, ...words: readonly string[]) {
  const env = { ...process.env, DOCKER_HOST: engine.host, TIFFIN_HOST: engine.host, TZ: "UTC" };
  return await outcomeOf(
    Bun.spawn([...program, ...words], { cwd, env, stdin: "ignore", stdout: "pipe", stderr: "pipe" }),
  );
}

/** What a copy leaves behind on both sides, and what it says. */
async function copied(program: readonly string[], words: readonly string[]) {
  const here = `${place}/here`;
  rmSync(here, { recursive: true, force: true });
  mkdirSync(here);
  expect((await run(["sh", "-ec", tree], here)).code).toBe(0);
  await engine.output("exec", "cc", "sh", "-ec", `rm -rf /w; mkdir /w; cd /w; ${tree}`);
  const { code, stderr } = await run([...program, "cp"], here, ...words);
  const outside = (await run(["sh", "-c", show], here)).stdout;
  const inside = await engine.output("exec", "-w", "/w", "cc", "sh", "-c", show);
  // What Docker's client logs of its own pipes comes or does not.
  const refused = code === 0 ? "" : stderr.replaceAll(/^time=".*\n/gm, "").trim();
  return { code, refused, outside, inside };
}

const cases: readonly (readonly [from: string, to: string])[] = [
  ["file", "cc:/w/new"],
  ["file", "cc:/w/old"],
  ["file", "cc:/w/other"],
  ["file", "cc:/w/other/"],
  ["file", "cc:/w/linked"],
  ["file", "cc:/w/none/"],
  ["file", "cc:/w/none/x"],
  ["a", "cc:/w/new"],
  ["a", "cc:/w/new/"],
  ["a", "cc:/w/exists"],
  ["a/.", "cc:/w/exists/a"],
  ["a/.", "cc:/w/new"],
  ["a/", "cc:/w/other"],
  ["a", "cc:/w/old"],
  ["a/link", "cc:/w/other"],
  ["linked", "cc:/w/other"],
  ["linked/", "cc:/w/other"],
  ["missing", "cc:/w"],
  ["file/", "cc:/w"],
  ["cc:/w/file", "new"],
  ["cc:/w/file", "old"],
  ["cc:/w/file", "other"],
  ["cc:/w/file", "other/"],
  ["cc:/w/file", "linked"],
  ["cc:/w/file", "none/"],
  ["cc:/w/a", "new"],
  ["cc:/w/a", "exists"],
  ["cc:/w/a/.", "exists/a"],
  ["cc:/w/a/.", "new"],
  ["cc:/w/a/", "other"],
  ["cc:/w/a", "old"],
  ["cc:/w/a/link", "other"],
  ["cc:/w/linked", "other"],
  ["cc:/w/linked/", "other"],
  ["cc:/w/missing", "."],
  ["cc:w/file", "new"],
  ["cc:/w/a", "cc:/w/b"],
  ["file", "new"],
  ["", "cc:/w"],
  ["nonesuch:/x", "new"],
];

/** Our own sentence where Docker's speaks of its own inner life. */
const differs: ReadonlyMap<string, string> = new Map([]);

test.skipIf(docker === "").each([...cases])(
  "cp %s %s (skipped without a docker client)",
  async (from, to) => {
    const theirs = await copied([docker], [from, to]);
    const ours = await copied(tiffinCommand(), [from, to]);
    const wanted = differs.get(`${from} ${to}`);
    expect(ours).toEqual(wanted === undefined ? theirs : { ...theirs, refused: wanted });
  },
);

test.skipIf(docker === "").each([
  ["-L", "a/link"],
  ["-L", "linked"],
  ["-a", "a"],
])("cp %s %s both ways (skipped without a docker client)", async (flag, path) => {
  for (const words of [
    [flag, path, "cc:/w/other"],
    [flag, `cc:/w/${path}`, "other"],
  ]) {
    expect(await copied(tiffinCommand(), words)).toEqual(await copied([docker], words));
  }
});
