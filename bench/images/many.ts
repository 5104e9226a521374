/** An engine that has a thousand images of twenty layers each: what its lists cost, and whether its start grows with them. */
import { mkdtempSync, rmSync, statfsSync } from "node:fs";
import { join } from "node:path";
import type { Figures } from "../figures.ts";
import { median } from "../timing.ts";
import { dockerArchive, imageOf, layerOf } from "./content.ts";

const imageCount = 1000;
const layersEach = 20;
const batch = 100;
const neededBytes = 1.5e9;
const starts = 10;
const asks = 30;

interface ManyBench {
  readonly scratch: string;
  readonly binary: string;
  readonly signal: AbortSignal;
}

class OwnEngine {
  readonly #bench: ManyBench;
  readonly #directory: string;
  readonly #socket: string;
  #process: Bun.Subprocess | undefined;

  constructor(bench: ManyBench, directory: string) {
    this.#bench = bench;
    this.#directory = directory;
    this.#socket = `${directory}/sock`;
  }

  /** Milliseconds to the first answer. */
  async start(): Promise<number> {
    const began = performance.now();
    const at = this.#directory;
    const host = `unix://${this.#socket}`;
    this.#process = Bun.spawn(
      [this.#bench.binary, "daemon", "--root", `${at}/root`, "--run", `${at}/run`, "--host", host],
      { stdin: "ignore", stdout: "ignore", stderr: "ignore" },
    );
    for (;;) {
      try {
        await this.ask("/_ping");
        return performance.now() - began;
      } catch (thrown) {
        if (performance.now() - began > 30_000) throw thrown;
        await Bun.sleep(0.5);
      }
    }
  }

  async stop(): Promise<void> {
    this.#process?.kill("SIGTERM");
    await this.#process?.exited;
  }

  uninstall(): void {
    const at = this.#directory;
    Bun.spawnSync([
      this.#bench.binary,
      "daemon",
      "--root",
      `${at}/root`,
      "--run",
      `${at}/run`,
      "--uninstall",
    ]);
  }

  async ask(path: string, init: RequestInit = {}): Promise<number> {
    const began = performance.now();
    const answer = await fetch(`http://tiffin${path}`, { ...init, unix: this.#socket });
    const text = await answer.text();
    if (!answer.ok) throw new Error(`${path}: ${text}`);
    return performance.now() - began;
  }
}

/** In memory where there is room: nothing of what is measured is the disk's, and making it takes a fraction. */
function place(scratch: string): string {
  const shared = statfsSync("/dev/shm");
  return mkdtempSync(
    join(shared.bavail * shared.bsize > neededBytes ? "/dev/shm" : scratch, "tiffin-bench-"),
  );
}

async function fill(engine: OwnEngine, signal: AbortSignal): Promise<void> {
  for (let first = 0; first < imageCount; first += batch) {
    signal.throwIfAborted();
    const images = Array.from({ length: batch }, (_, offset) => {
      const index = first + offset;
      const layers = Array.from({ length: layersEach }, (__, layer) =>
        layerOf([[`etc/l${layer}`, new TextEncoder().encode(`${index} ${layer}\n`)]]),
      );
      return { image: imageOf(layers, `${index}`), reference: `docker.io/library/many:${index}` };
    });
    const body = Buffer.concat(dockerArchive(images));
    await engine.ask("/v1.41/images/load?quiet=1", { method: "POST", body });
  }
}

async function times(count: number, work: () => Promise<number>): Promise<number> {
  const all: number[] = [];
  for (let index = 0; index < count; index += 1) all.push(await work());
  return median(all);
}

export async function benchManyImages(bench: ManyBench, figures: Figures): Promise<void> {
  const directories = [place(bench.scratch), place(bench.scratch)] as const;
  const [full, empty] = [new OwnEngine(bench, directories[0]), new OwnEngine(bench, directories[1])];
  try {
    await full.start();
    const began = performance.now();
    await fill(full, bench.signal);
    console.log(
      `  ${imageCount} images of ${layersEach} layers loaded in ${((performance.now() - began) / 1e3).toFixed(0)} s`,
    );
    const most = { most: 10 };
    // The first times are of a program that is not compiled yet.
    for (const [title, path] of [
      ["images, of 1,000", "/v1.41/images/json"],
      ["image inspect, of 1,000", "/v1.41/images/many:500/json"],
      ["image history, of 1,000", "/v1.41/images/many:500/history"],
    ] as const) {
      figures.add(`${title}, first time`, "tiffin", await full.ask(path), {});
      figures.add(title, "tiffin", await times(asks, () => full.ask(path)), most);
    }
    await full.stop();
    const startTimes: [number[], number[]] = [[], []];
    for (let round = 0; round < starts; round += 1) {
      for (const [index, engine] of [empty, full].entries()) {
        startTimes[index]?.push(await engine.start());
        if (index === 1)
          figures.add(
            "images, of 1,000, first after a start",
            "tiffin",
            await engine.ask("/v1.41/images/json"),
            {},
          );
        await engine.stop();
      }
    }
    figures.add("start of an engine without images", "tiffin", median(startTimes[0]), {});
    figures.add("  with 1,000, more", "tiffin", median(startTimes[1]) - median(startTimes[0]), { most: 2 });
  } finally {
    for (const engine of [full, empty]) {
      await engine.stop();
      engine.uninstall();
    }
    for (const directory of directories) rmSync(directory, { recursive: true, force: true });
  }
}
