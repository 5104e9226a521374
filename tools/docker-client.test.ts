import { expect, test } from "bun:test";
import { existsSync, readFileSync } from "node:fs";
import { routes } from "../src/docker/routes.ts";
import { dockerClients } from "../test/support/docker-clients.ts";
import kept from "./docker-client.json" with { type: "json" };
import { askDockerClient } from "./docker-client.ts";
import { dockerCommandRows, proofOfRow } from "./docker-commands-page.ts";
import { missingProofs, proofOfRoute } from "./route-cases.ts";

const installed = dockerClients.find(({ version }) => version === kept.version);

test.skipIf(installed === undefined)(
  `the list of the docker client's commands and options is that of its help (skipped without docker ${kept.version})`,
  () => {
    const help = (words: readonly string[]): string =>
      Bun.spawnSync([installed?.path ?? "docker", ...words, "--help"], {
        // Options are shown that the engine's version allows, and without one all are.
        env: { ...process.env, DOCKER_HOST: "unix:///nonexistent/docker.sock" },
      }).stdout.toString();
    expect(askDockerClient(kept.version, help)).toEqual(kept);
  },
);

test("every command of the families is told of, and each option with a verdict", async () => {
  const rows = await dockerCommandRows();
  const options = Object.values(kept.commands).reduce((sum, list) => sum + list.length, 0);
  const missing = rows.filter(({ option, verdict }) => option === "" && verdict === "not yet");
  expect(missing.map(({ command }) => command)).toEqual(["volume update"]);
  expect(rows.filter(({ option }) => option !== "")).toHaveLength(options);
});

test("what works of containers, volumes and the system has a case, or the test that shows it", async () => {
  const rows = await dockerCommandRows();
  const inFamilies = rows.filter(({ command }) =>
    /^(?:container|volume|system) |^(?:inspect|version)$/.test(command),
  );
  const unproven = inFamilies.filter((row) => row.verdict === "works" && proofOfRow(row) === undefined);
  expect(unproven.map(({ command, option }) => `${command} ${option}`)).toEqual([]);
});

test("every route of Docker's has a verdict, and what works has a case, or a test that is there", () => {
  const own = Object.entries(routes).filter(([, { path }]) => !path.startsWith("/tiffin/"));
  const unknown = own.filter(([name]) => proofOfRoute(name).verdict === "not yet");
  expect(unknown.map(([, { method, path }]) => `${method} ${path}`)).toEqual([]);
  const project = new URL("../", import.meta.url).pathname;
  const textOf = (file: string): string | undefined =>
    existsSync(project + file) ? readFileSync(project + file, "utf8") : undefined;
  expect(missingProofs(textOf)).toEqual([]);
});
