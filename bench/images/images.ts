/**
 * `npm run bench images [part...]`: everything that an image goes through, beside docker and podman with one registry, each step of
 * each engine in turn. Parts: pull, archives, commit, start, reading, many. BENCH_ROUNDS says how often (3). It uses an engine of
 * its own, registries of its own, and takes away from the peers what it has given them.
 */
import { closeSync, openSync, readdirSync, readFileSync, readSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type RealRegistry, startRegistry } from "../../test/support/real-registry.ts";
import { Figures } from "../figures.ts";
import { busyboxRoot } from "../peers.ts";
import { type Contestant, compare, median, timeOnce } from "../timing.ts";
import {
  distribution,
  dockerArchive,
  imageOf,
  layerOf,
  type MadeFile,
  type MadeImage,
  type MadeLayer,
  usualShape,
} from "./content.ts";
import { benchManyImages } from "./many.ts";
import { publish } from "./registry.ts";

export interface ImageEngine {
  readonly name: string;
  readonly command: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Of a daemon whose memory is a figure. */
  readonly pid?: number;
  /** For a registry without TLS. */
  readonly transfer: readonly string[];
}

export interface ImageBench {
  readonly scratch: string;
  readonly binary: string;
  readonly engines: readonly ImageEngine[];
  readonly rounds: number;
  readonly parts: readonly string[];
  /** Aborted when this program is to end: what has been made is taken away first. */
  readonly signal: AbortSignal;
}

const mebibyte = 1024 * 1024;
const quarterOfDocker = { shares: { docker: 1 / 4 } };
const halfOfDocker = { shares: { docker: 1 / 2 } };
const pullTime = { shares: { docker: 1 / 4, podman: 1 / 6 } };
const peakMemory = { most: 150 };
const startRounds = 30;
const changedFiles = 1000;
const readBytes = 200e6;

export async function benchImages(bench: ImageBench): Promise<void> {
  const { engines, parts } = bench;
  const figures = new Figures();
  await using registry = await startRegistry();
  const steps: readonly [string, () => Promise<void>][] = [
    ["pull", () => benchPull(bench, registry, figures)],
    ["archives", () => benchArchives(bench, figures)],
    ["commit", () => benchCommit(bench, figures)],
    ["start", () => benchStart(bench, figures)],
    ["reading", () => benchReading(bench, figures)],
    ["many", () => benchManyImages(bench, figures)],
  ];
  try {
    for (const [name, step] of steps) if (parts.length === 0 || parts.includes(name)) await step();
  } finally {
    figures.print(engines.map(({ name }) => name));
  }
}

/** Each engine in turn, in an order that rotates. */
async function inTurn(
  { engines, rounds, signal }: ImageBench,
  turn: (engine: ImageEngine, round: number) => Promise<void> | void,
): Promise<void> {
  for (let round = 0; round < rounds; round += 1) {
    for (const [index] of engines.entries()) {
      // Commands are waited for without looking at signals.
      await Bun.sleep(0);
      signal.throwIfAborted();
      const engine = engines[(index + round) % engines.length];
      if (engine !== undefined) await turn(engine, round);
    }
  }
}

function call({ name, command, env }: ImageEngine, args: readonly string[]): Contestant {
  return {
    name,
    // Ids and progress say nothing here.
    command: ["/bin/sh", "-c", 'exec "$@" >/dev/null', "sh", ...command, ...args],
    ...(env !== undefined && { env }),
  };
}

/** What was written before is on the disk first, so that nobody waits for another's bytes. */
function timed(engine: ImageEngine, ...args: readonly string[]): number {
  Bun.spawnSync(["sync"]);
  return timeOnce(call(engine, args));
}

function untimed(engine: ImageEngine, ...args: readonly string[]): void {
  timeOnce(call(engine, args));
}

/** Whatever has become of it: the first error is what counts. */
function takeAway(engine: ImageEngine, ...args: readonly string[]): void {
  Bun.spawnSync([...engine.command, ...args], {
    env: { ...process.env, ...engine.env },
    stdout: "ignore",
    stderr: "ignore",
  });
}

/** Megabytes, of the engine's process from now on. proc(5) */
function resetPeak({ pid }: ImageEngine): void {
  if (pid !== undefined) writeFileSync(`/proc/${pid}/clear_refs`, "5");
}

function addPeak(figures: Figures, title: string, { name, pid }: ImageEngine): void {
  if (pid === undefined) return;
  const peak = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1];
  figures.add(title, name, Number(peak) / 1024, peakMemory, "MB");
}

async function benchPull(bench: ImageBench, { port }: RealRegistry, figures: Figures): Promise<void> {
  const host = `127.0.0.1:${port}`;
  const ten = { ...usualShape, layers: 10 };
  const published: readonly [string, MadeImage][] = [
    ["one", imageOf(distribution(usualShape), "one")],
    ["ten", imageOf(distribution(ten), "ten")],
    ["changed", imageOf(distribution(ten, 1), "changed")],
  ];
  for (const [name, image] of published) {
    const bytes = await publish(host, `bench/${name}`, image);
    const unpacked = image.layers.reduce((sum, { tar }) => sum + tar.length, 0);
    console.log(
      `  ${name}: ${image.layers.length} layers, ${(bytes / 1e6).toFixed(0)} MB gzip, ${(unpacked / 1e6).toFixed(0)} MB unpacked`,
    );
  }
  const reference = (name: string): string => `${host}/bench/${name}:latest`;
  try {
    await inTurn(bench, (engine) => {
      const pull = (name: string): number => timed(engine, "pull", ...engine.transfer, "-q", reference(name));
      resetPeak(engine);
      figures.add("pull, one layer", engine.name, pull("one"), pullTime);
      addPeak(figures, "  the engine's peak memory", engine);
      const removal = timed(engine, "rmi", reference("one"));
      figures.add("rmi of 7,000 files", engine.name, removal, { shares: { docker: 1 / 20 } });
      resetPeak(engine);
      figures.add("pull, ten layers", engine.name, pull("ten"), pullTime);
      addPeak(figures, "  the engine's peak memory, ten layers", engine);
      figures.add("pull, one layer of ten is new", engine.name, pull("changed"), quarterOfDocker);
      untimed(engine, "rmi", reference("ten"), reference("changed"));
    });
  } finally {
    for (const engine of bench.engines) {
      for (const [name] of published) takeAway(engine, "rmi", "-f", reference(name));
    }
  }
}

async function benchArchives(bench: ImageBench, figures: Figures): Promise<void> {
  const name = "tiffin-bench-archive:latest";
  const imported = "tiffin-bench-import:latest";
  const [layer] = distribution(usualShape);
  if (layer === undefined) return;
  const archive = join(bench.scratch, "archive.tar");
  const root = join(bench.scratch, "root.tar");
  const saved = join(bench.scratch, "saved.tar");
  const pieces = dockerArchive([
    { image: imageOf([layer], "archive"), reference: `docker.io/library/${name}` },
  ]);
  writeFileSync(archive, Buffer.concat(pieces));
  writeFileSync(root, layer.tar);
  let pushed = "";
  try {
    await inTurn(bench, async (engine) => {
      resetPeak(engine);
      figures.add("load of 250 MB", engine.name, timed(engine, "load", "-q", "-i", archive), quarterOfDocker);
      addPeak(figures, "  the engine's peak memory, load", engine);
      rmSync(saved, { force: true });
      resetPeak(engine);
      figures.add("save of 250 MB", engine.name, timed(engine, "save", "-o", saved, name), halfOfDocker);
      addPeak(figures, "  the engine's peak memory, save", engine);
      // One that has nothing, and that no engine knows, so that all is sent.
      await using registry = await startRegistry();
      pushed = `127.0.0.1:${registry.port}/bench/pushed:latest`;
      untimed(engine, "tag", name, pushed);
      resetPeak(engine);
      figures.add(
        "push of 250 MB",
        engine.name,
        timed(engine, "push", ...engine.transfer, pushed),
        halfOfDocker,
      );
      addPeak(figures, "  the engine's peak memory, push", engine);
      untimed(engine, "rmi", pushed, name);
      figures.add("import of 250 MB", engine.name, timed(engine, "import", root, imported), quarterOfDocker);
      untimed(engine, "rmi", imported);
    });
  } finally {
    for (const engine of bench.engines) takeAway(engine, "rmi", "-f", name, imported, pushed);
    for (const path of [archive, root, saved]) rmSync(path, { force: true });
  }
}

function busyboxLayer(scratch: string): MadeLayer {
  const root = busyboxRoot(scratch);
  const busybox = readFileSync(join(root, "bin/busybox"));
  const applets = readdirSync(join(root, "bin")).filter((name) =>
    ["sh", "sleep", "true", "cat"].includes(name),
  );
  const files: MadeFile[] = applets.map((name) => [`bin/${name}`, busybox, 0o755]);
  return layerOf(files, ["bin", "dev", "etc", "proc", "root", "sys", "tmp"]);
}

/** Gives `engines` images under names of this bench's; returned is what takes them away. */
function give(
  { scratch }: ImageBench,
  engines: readonly ImageEngine[],
  images: Readonly<Record<string, MadeImage>>,
): () => void {
  const names = Object.keys(images).map((name) => `tiffin-bench-${name}:latest`);
  const remove = (): void => {
    for (const engine of engines) takeAway(engine, "rmi", "-f", ...names);
  };
  const path = join(scratch, "given.tar");
  const rows = Object.entries(images).map(([name, image]) => {
    return { image, reference: `docker.io/library/tiffin-bench-${name}:latest` };
  });
  try {
    writeFileSync(path, Buffer.concat(dockerArchive(rows)));
    for (const engine of engines) untimed(engine, "load", "-q", "-i", path);
  } catch (thrown) {
    remove();
    throw thrown;
  } finally {
    rmSync(path, { force: true });
  }
  return remove;
}

async function benchCommit(bench: ImageBench, figures: Figures): Promise<void> {
  const { engines, scratch } = bench;
  const container = "tiffin-bench-commit";
  const committed = "tiffin-bench-committed:latest";
  const script = `mkdir /w; i=0; while [ $i -lt ${changedFiles} ]; do echo "content of file number $i" > /w/f$i; i=$((i+1)); done`;
  const remove = give(bench, engines, { commit: imageOf([busyboxLayer(scratch)], "commit") });
  try {
    for (const engine of engines) {
      const image = "tiffin-bench-commit:latest";
      untimed(engine, "run", "--network", "none", "--name", container, image, "/bin/sh", "-c", script);
    }
    await inTurn({ ...bench, rounds: bench.rounds * 2 }, (engine) => {
      const title = `commit of ${changedFiles} changed files`;
      figures.add(title, engine.name, timed(engine, "commit", container, committed), quarterOfDocker);
      untimed(engine, "rmi", committed);
    });
  } finally {
    for (const engine of engines) {
      takeAway(engine, "rm", "-f", container);
      takeAway(engine, "rmi", "-f", committed);
    }
    remove();
  }
}

async function benchStart(bench: ImageBench, figures: Figures): Promise<void> {
  const engines = bench.engines.filter(({ pid }) => pid !== undefined);
  const base = busyboxLayer(bench.scratch);
  const more = Array.from({ length: 39 }, (_, index) =>
    layerOf([[`etc/layer${index}`, new TextEncoder().encode(`${index}\n`)]]),
  );
  const remove = give(bench, engines, {
    layers1: imageOf([base], "1"),
    layers40: imageOf([base, ...more], "40"),
  });
  try {
    for (const engine of engines) {
      const run = (layers: number): Contestant =>
        call(engine, ["run", "--rm", "--network", "none", `tiffin-bench-layers${layers}`, "/bin/true"]);
      const [one, forty] = compare([run(1), run(40)], startRounds);
      const difference = (forty?.medianMs ?? Number.NaN) - (one?.medianMs ?? Number.NaN);
      figures.add("run of an image of 1 layer", engine.name, one?.medianMs ?? Number.NaN, {});
      figures.add("  of 40 layers, more", engine.name, difference, { most: 2 });
    }
  } finally {
    remove();
  }
}

/** All bytes of the files below `directory`, and how long they took. */
function readAll(directory: string, buffer: Uint8Array): number {
  const began = performance.now();
  let bytes = 0;
  for (const name of readdirSync(directory, { recursive: true, withFileTypes: true })) {
    if (!name.isFile()) continue;
    const file = openSync(join(name.parentPath, name.name), "r");
    for (;;) {
      const count = readSync(file, buffer);
      if (count === 0) break;
      bytes += count;
    }
    closeSync(file);
  }
  const took = performance.now() - began;
  if (bytes < readBytes * 0.99) throw new Error(`${directory} has ${bytes} bytes`);
  return took;
}

/** Through the root that a container has, from outside, so that no engine's `exec` is in the figure. */
async function benchReading(bench: ImageBench, figures: Figures): Promise<void> {
  const engines = bench.engines.filter(({ name }) => name !== "podman");
  const layers = [busyboxLayer(bench.scratch), ...distribution({ files: 5000, bytes: readBytes, layers: 1 })];
  const container = "tiffin-bench-reading";
  const remove = give(bench, engines, { reading: imageOf(layers, "reading") });
  const buffer = new Uint8Array(mebibyte);
  try {
    const roots = new Map<string, string>();
    for (const engine of engines) {
      const image = "tiffin-bench-reading:latest";
      untimed(engine, "run", "-d", "--network", "none", "--name", container, image, "/bin/sleep", "1000");
      const shown = Bun.spawnSync([...engine.command, "inspect", "-f", "{{.State.Pid}}", container], {
        env: { ...process.env, ...engine.env },
      });
      roots.set(engine.name, `/proc/${shown.stdout.toString().trim()}/root/data`);
    }
    const asFast = { shares: { docker: 1 } };
    await inTurn({ ...bench, engines, rounds: bench.rounds * 2 }, ({ name }) => {
      const directory = roots.get(name) ?? "";
      Bun.spawnSync(["sync"]);
      writeFileSync("/proc/sys/vm/drop_caches", "3");
      figures.add("reading 200 MB of files, first time", name, readAll(directory, buffer), asFast);
      const again = [1, 2, 3].map(() => readAll(directory, buffer));
      figures.add("  second time", name, median(again), asFast);
    });
  } finally {
    for (const engine of engines) takeAway(engine, "rm", "-f", container);
    remove();
  }
}
