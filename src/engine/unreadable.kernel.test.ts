/** A container whose row this engine does not understand: taken over from its directory, or named, kept, and removable. */
import { Database } from "bun:sqlite";
import { expect, test } from "bun:test";
import { existsSync, rmSync } from "node:fs";
import { EngineFixture } from "../../test/support/engine-in-process.ts";
import { errorOf } from "./testing/error-of.ts";

function spoilRow(fixture: EngineFixture, id: string): void {
  const database = new Database(`${fixture.config.root}/tiffin.db`);
  database.run("UPDATE container SET document = '{\"version\":99}' WHERE id = ?", [id]);
  database.close();
}

test("what its directory says is taken for its row", async () => {
  await using fixture = await new EngineFixture().open();
  const id = await fixture.start(["sleep", "1000"], { Labels: { a: "b" } }, "told");
  await fixture.close();
  spoilRow(fixture, id);
  await fixture.open();
  expect(fixture.reported.map(String)).toEqual([
    expect.stringContaining(`the row of container told (${id}) cannot be understood`),
    expect.stringContaining(`container told (${id}) was not in the database; it is taken over`),
  ]);
  const { containers } = fixture.engine;
  const shown = await containers.inspect("told", { size: false });
  expect([shown.State.Running, shown.Config.Labels]).toEqual([true, { a: "b" }]);
  await containers.remove("told", { force: true, volumes: true });
}, 60_000);

test("without that it is left running, is told of, and can be removed by force", async () => {
  await using fixture = await new EngineFixture().open();
  const id = await fixture.start(["sleep", "1000"], {}, "odd");
  const { Pid } = (await fixture.engine.containers.inspect("odd", { size: false })).State;
  await fixture.close();
  spoilRow(fixture, id);
  const directory = `${fixture.config.root}/containers/${id}`;
  rmSync(`${directory}/container.json`);
  await fixture.open();
  const { containers } = fixture.engine;
  expect(String(fixture.reported[0])).toContain(`the row of container odd (${id}) cannot be understood`);
  expect(existsSync(`/proc/${Pid}`)).toBe(true);
  expect((await errorOf(containers.inspect("odd", { size: false }))).code).toBe("container.unreadable");
  const wishes = {
    format: "text",
    language: "en",
    details: false,
    showSecrets: false,
    against: undefined,
  } as const;
  const once = { force: true, volumes: false };
  const told = [
    containers.explain("odd", wishes),
    containers.explainRemoval("odd", once, wishes),
    containers.trace("odd", "en"),
  ].map(async (answer) => (await errorOf(answer)).code);
  expect(await Promise.all(told)).toEqual(Array(3).fill("container.unreadable"));
  expect((await errorOf(containers.create({ name: "odd", body: { Image: "base" } }))).code).toBe(
    "container.name-taken",
  );
  const unforced = containers.remove(id, { force: false, volumes: false });
  expect((await errorOf(unforced)).code).toBe("container.active");
  await containers.remove("odd", { force: true, volumes: false });
  expect([existsSync(`/proc/${Pid}`), existsSync(directory)]).toEqual([false, false]);
  expect((await errorOf(containers.inspect(id, { size: false }))).code).toBe("container.not-found");
  expect(await fixture.run(["true"], {}, { name: "odd" })).toMatchObject({ code: 0 });
}, 60_000);
