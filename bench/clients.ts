/**
 * Programs that people use with Docker, against each engine in turn: a project of compose with ten services, a suite of testcontainers
 * with twenty tests, and what an engine does while somebody looks at its two hundred containers every second.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { messageOf } from "../src/lib/errors.ts";
import { goPrograms } from "../test/support/go-programs.ts";
import { type ClassicEngine, processorMs, takeAway, untimed } from "./classic/engine.ts";
import { printFigures, timeOnce } from "./timing.ts";

const services = 10;
const looks = 10;
const defaultContainers = 200;
const betweenMs = 1_000;

/** What a page of containers asks for when it is opened, and again every second. */
const page = ["/containers/json?all=1", "/images/json?all=0", "/volumes", "/networks", "/info"];

export interface ClientBench {
  readonly scratch: string;
  /** Ours first. */
  readonly engines: readonly ClassicEngine[];
  readonly rounds: number;
  readonly parts: readonly string[];
}

function composeFile(image: string): string {
  const each = Array.from(
    { length: services },
    (_, index) => `  s${index}: { image: "${image}", init: true, command: sleep 600 }`,
  );
  return `services:\n${each.join("\n")}\n`;
}

function timedProgram(
  engine: ClassicEngine,
  words: readonly string[],
  more: Record<string, string> = {},
): number {
  const env = { DOCKER_HOST: `unix://${engine.socket}`, ...more };
  return timeOnce({
    name: engine.name,
    command: ["/bin/sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", ...words],
    env,
  });
}

function benchCompose({ scratch, engines, rounds }: ClientBench, compose: string): void {
  const taken = { up: new Map<string, number[]>(), down: new Map<string, number[]>() };
  for (let round = 0; round <= rounds; round += 1) {
    for (const engine of engines) {
      const directory = join(scratch, `compose-${engine.name}`);
      mkdirSync(directory, { recursive: true });
      const file = join(directory, "compose.yaml");
      writeFileSync(file, composeFile(engine.image));
      const words = [compose, "-f", file, "-p", "tiffin-bench-compose"];
      const up = timedProgram(engine, [...words, "up", "-d"]);
      const down = timedProgram(engine, [...words, "down", "-t", "0"]);
      // The first warms up.
      if (round === 0) continue;
      taken.up.set(engine.name, [...(taken.up.get(engine.name) ?? []), up]);
      taken.down.set(engine.name, [...(taken.down.get(engine.name) ?? []), down]);
    }
  }
  for (const [what, values] of Object.entries(taken)) {
    const title = `docker compose ${what}, ${services} services`;
    printFigures(
      title,
      engines.map(({ name }) => ({ name, values: values.get(name) ?? [] })),
    );
  }
}

function benchSuite({ engines, rounds }: ClientBench, suite: string): void {
  const taken = new Map<string, number[]>();
  const able = new Set(engines);
  for (let round = 0; round <= rounds; round += 1) {
    for (const engine of able) {
      const more = {
        IMAGE: engine.image,
        TESTCONTAINERS_RYUK_DISABLED: "true",
        // On a machine that looks like a container it would take the gateway of the default network, which Docker's may not have.
        TESTCONTAINERS_HOST_OVERRIDE: "localhost",
      };
      let ms: number;
      try {
        ms = timedProgram(engine, [suite, "20"], more);
      } catch (thrown) {
        // Its ports need rules that others on the machine may have taken away.
        console.log(`  ${engine.name} does not run the suite here: ${messageOf(thrown)}`);
        able.delete(engine);
        continue;
      }
      if (round > 0) taken.set(engine.name, [...(taken.get(engine.name) ?? []), ms]);
    }
  }
  printFigures(
    "testcontainers for Go, 20 tests with a container each",
    [...able].map(({ name }) => ({ name, values: taken.get(name) ?? [] })),
  );
}

async function ask(socket: string, path: string): Promise<void> {
  const answer = await fetch(`http://localhost${path}`, { unix: socket });
  if (!answer.ok) throw new Error(`GET ${path}: ${answer.status}`);
  await answer.arrayBuffer();
}

async function benchLooks({ engines }: ClientBench): Promise<void> {
  const count = Number(process.env["BENCH_CONTAINERS"] ?? defaultContainers);
  const names = Array.from({ length: count }, (_, index) => `tiffin-bench-looked-at-${index}`);
  const figures = [];
  for (const engine of engines) {
    try {
      for (const name of names)
        untimed(engine, "run", "-d", "--network", "none", "--name", name, engine.image, "sleep", "1000");
      for (const path of page) await ask(engine.socket, path);
      const values: number[] = [];
      for (let look = 0; look < looks; look += 1) {
        const before = processorMs(engine);
        const began = performance.now();
        for (const path of page) await ask(engine.socket, path);
        await Bun.sleep(Math.max(0, betweenMs - (performance.now() - began)));
        values.push(processorMs(engine) - before);
      }
      figures.push({ name: engine.name, values });
    } finally {
      takeAway(engine, "rm", "-f", ...names);
    }
  }
  printFigures(
    `processor time of the engine a second, looked at once a second, ${count} containers`,
    figures,
  );
}

export async function benchClients(bench: ClientBench): Promise<void> {
  const programs = goPrograms();
  const wanted = (part: string): boolean => bench.parts.length === 0 || bench.parts.includes(part);
  if ("missing" in programs) console.log(`\nno compose and no testcontainers: ${programs.missing}`);
  else {
    if (wanted("compose")) benchCompose(bench, programs.path("docker-compose"));
    if (wanted("suite")) benchSuite(bench, programs.path("containers"));
  }
  if (wanted("looks")) await benchLooks(bench);
}
