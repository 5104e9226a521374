/** A root directory of every earlier version of the database is taken over: nothing is lost, and what it describes works. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { copyFileSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { currentVersion } from "../../src/engine/store/schema.ts";
import { TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

const dumps = new URL("../../src/engine/store/testdata/", import.meta.url).pathname;

interface StoredRow {
  readonly id: string;
  readonly document: string;
}

/** What a root directory of that version holds besides its database: a layer, two containers, a volume. */
function makeRoot(root: string, sql: string): void {
  mkdirSync(root, { recursive: true, mode: 0o700 });
  const database = new Database(`${root}/tiffin.db`, { create: true });
  database.run(sql);
  const rows = database.query<StoredRow, []>("SELECT id, document FROM container").all();
  for (const { id, document } of rows) {
    for (const name of ["upper", "work", "logs"])
      mkdirSync(`${root}/containers/${id}/${name}`, { recursive: true });
    writeFileSync(`${root}/containers/${id}/record`, new Uint8Array(64));
    const chain = (JSON.parse(document) as { readonly image: { readonly chain: readonly string[] } }).image
      .chain;
    for (const layer of chain) makeLayer(`${root}/layers/${layer}`);
  }
  database.close();
  mkdirSync(`${root}/volumes/kept/_data`, { recursive: true });
  writeFileSync(`${root}/volumes/kept/_data/other`, "of a user");
}

function makeLayer(directory: string): void {
  if (existsSync(directory)) return;
  mkdirSync(`${directory}/diff/bin`, { recursive: true });
  for (const name of ["etc", "proc", "dev", "sys", "tmp", "mnt", "t", "data"])
    mkdirSync(`${directory}/diff/${name}`);
  copyFileSync("/bin/busybox", `${directory}/diff/bin/busybox`);
  for (const applet of ["sh", "cat", "echo", "ulimit", "id"])
    symlinkSync("busybox", `${directory}/diff/bin/${applet}`);
  writeFileSync(`${directory}/layer.json`, JSON.stringify({ version: 1, bytes: 1 }));
}

for (let version = 1; version < currentVersion; version += 1) {
  test(`a database of version ${version}`, async () => {
    await using engine = new TestEngine();
    makeRoot(engine.root, readFileSync(`${dumps}version-${version}.sql`, "utf8"));
    await engine.start();
    const state = async (name: string): Promise<string> =>
      await engine.output("inspect", "--format", "{{.State.Status}} {{.RestartCount}}", name);
    expect(await state("fresh")).toBe("created 0");
    // Its policy gives it three more tries.
    await until("the last try", async () => (await state("ended")) === "exited 3");
    const format =
      '{{.State.ExitCode}} {{.HostConfig.RestartPolicy.Name}} {{index .Config.Labels "x"}} {{(index .Mounts 0).Name}}';
    expect(await engine.output("inspect", "--format", format, "ended")).toBe("3 on-failure y kept");
    expect(
      await engine.output(
        "inspect",
        "--format",
        "{{.HostConfig.Memory}} {{(index .HostConfig.Ulimits 0).Hard}}",
        "fresh",
      ),
    ).toBe("67108864 200");
    // It goes on as the newer version would have made it.
    expect((await engine.cli("start", "-a", "ended")).exitCode).toBe(3);
    await engine.output("rm", "-f", "ended", "fresh");
    expect(await engine.output("ps", "-aq")).toBe("");
    const kept = (name: string): string => readFileSync(`${engine.root}/volumes/kept/_data/${name}`, "utf8");
    expect([kept("f"), kept("other")]).toEqual(["hi\n", "of a user"]);
    await engine.stop();
    const database = new Database(`${engine.root}/tiffin.db`, { readonly: true });
    expect(database.query("PRAGMA user_version").get()).toEqual({ user_version: currentVersion });
    database.close();
  });
}
