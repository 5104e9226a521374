/**
 * `npm run bench [option...] [section...]`: Tiffin and its peers, interleaved in one run; medians and ratios. Sections: layers, start,
 * exec, commands, output, together, engine, memory, flat, responsive, commit, build, networks, runtime; and `images [part...]`, `classic [part...]`, `clients [part...]`,
 * `explain` and `first`, which are run when they are asked for. Uses an engine of its own with its own directories, so nothing of a running installation is touched.
 *
 * `--json FILE` also writes the figures, with the machine and its versions; `--against FILE` compares them with those of an earlier
 * run; `--picture FILE` draws them. `--keep` (`npm run bench:keep`) writes document, table and picture to docs/bench, where the README
 * has them from.
 */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { messageOf, TiffinError } from "../src/lib/errors.ts";
import { own } from "../src/lib/own.ts";
import { type BuildEngine, benchBuild } from "./build.ts";
import { benchClassic } from "./classic/classic.ts";
import type { ClassicEngine } from "./classic/engine.ts";
import { benchClients } from "./clients.ts";
import { benchCommands, benchOutput, benchTogether, type CommandEngine } from "./commands.ts";
import { benchCommit } from "./commit.ts";
import type { ApiEngine } from "./engine-api.ts";
import { benchExplain } from "./explain.ts";
import { benchFirst } from "./first.ts";
import { benchFlat } from "./flat.ts";
import { benchImages, type ImageEngine } from "./images/images.ts";
import { benchLayers } from "./layers.ts";
import { loadText, machineFacts, noiseOf, watchQuiet } from "./machine.ts";
import { benchNetworks } from "./networks/networks.ts";
import { answers, bundle, busyboxRoot, has, hasImage, importImage, peerImage } from "./peers.ts";
import { pictureOf } from "./picture.ts";
import { beginSection, comparison, readRecord, recorded, recordFigure, writeRecord } from "./record.ts";
import { benchResponsive } from "./responsive.ts";
import { benchRuntime } from "./runtime.ts";
import { tableOf } from "./table.ts";
import { type Contestant, compare, errorFile, median, printTimings, quantile, timeOnce } from "./timing.ts";

/** Before anything is made or measured: a word that is wrong, or a file that is none, would cost a whole run. */
function wantedOfBench() {
  try {
    const { values, positionals } = parseArgs({
      args: process.argv.slice(2),
      options: {
        json: { type: "string" },
        against: { type: "string" },
        picture: { type: "string" },
        keep: { type: "boolean" },
      },
      allowPositionals: true,
    });
    const before = values.against === undefined ? undefined : readRecord(values.against);
    return { options: values, wanted: positionals, earlier: before };
  } catch (thrown) {
    const remedy = thrown instanceof TiffinError && thrown.remedy ? `\n  (${thrown.remedy})` : "";
    console.error(`bench: ${messageOf(thrown)}${remedy}`);
    process.exit(2);
  }
}

const binary = join(import.meta.dir, "..", "dist", "tiffin");
const { options, wanted, earlier } = wantedOfBench();
const scratch = mkdtempSync(join(tmpdir(), "tiffin-bench-"));
const host = `unix://${scratch}/tiffin.sock`;
const env = { TIFFIN_HOST: host };
const rounds = Number(process.env["BENCH_ROUNDS"] ?? 30);
const kept = join(import.meta.dir, "..", "docs", "bench");
/** What the kept figures are of: beside peers, and short enough for a machine that nobody else uses meanwhile. */
const keptSections = ["start", "exec", "commands", "output", "together", "engine", "flat", "runtime"];
if (options.keep === true && wanted.length === 0) wanted.push(...keptSections);
const sections: [string, () => void | Promise<void>][] = [];

const tiffin = (...args: string[]): Contestant => ({
  name: `tiffin ${args.join(" ")}`,
  command: [binary, ...args],
  env,
});

function run(...args: string[]): string {
  const result = Bun.spawnSync([binary, ...args], { env: { ...process.env, ...env }, stderr: "pipe" });
  if (result.exitCode !== 0) throw new Error(`tiffin ${args.join(" ")}: ${result.stderr.toString()}`);
  return result.stdout.toString().trim();
}

let engine: ReturnType<typeof Bun.spawn> | undefined;

/** Starts the bench engine and returns milliseconds until its first answer to `_ping`. */
async function startEngine(): Promise<number> {
  const began = performance.now();
  engine = Bun.spawn(
    [binary, "daemon", "--root", `${scratch}/root`, "--run", `${scratch}/run`, "--host", host],
    {
      stdin: "ignore",
      stdout: "ignore",
      stderr: Bun.file(join(scratch, "engine.log")),
    },
  );
  for (;;) {
    try {
      const answer = await fetch("http://tiffin/_ping", { unix: `${scratch}/tiffin.sock` });
      if (answer.ok) return performance.now() - began;
    } catch {
      if (performance.now() - began > 10_000)
        throw new Error(readFileSync(join(scratch, "engine.log"), "utf8"));
      await Bun.sleep(1);
    }
  }
}

async function stopEngine(): Promise<void> {
  engine?.kill("SIGTERM");
  await engine?.exited;
  engine = undefined;
}

const kib = (pid: number, file: string, key: string): number =>
  Number(
    new RegExp(`^${key}:\\s+(\\d+) kB`, "m").exec(readFileSync(`/proc/${pid}/${file}`, "utf8"))?.[1] ??
      Number.NaN,
  );

const rssMb = (): string => (kib(engine?.pid ?? 0, "status", "VmRSS") / 1024).toFixed(1);

const root = busyboxRoot(scratch);
const skipped = (what: string): void => console.log(`  ${what}: not on this machine, left out`);

sections.push(["layers", () => benchLayers(scratch)]);
sections.push([
  "start",
  () => {
    const contestants = [tiffin("run", "--rm", "base", "true")];
    for (const runtime of ["crun", "runc"]) {
      if (!has(runtime)) skipped(runtime);
      else {
        const directory = bundle(join(scratch, runtime), root, runtime, ["true"]);
        contestants.push({
          name: `${runtime} run (ready bundle)`,
          command: [runtime, "run", "-b", directory, `tiffin-bench-${runtime}`],
        });
      }
    }
    for (const peer of ["docker", "podman"]) {
      if (!importImage(peer, root)) skipped(peer);
      else contestants.push({ name: `${peer} run --rm`, command: [peer, "run", "--rm", peerImage, "true"] });
    }
    printTimings(
      `run --rm IMAGE true, default network, warm engine (${rounds} rounds)`,
      compare(contestants, rounds),
    );
    const more = ["host", "none"].map((network) =>
      tiffin("run", "--rm", "--network", network, "base", "true"),
    );
    // What of it is the start of the command line itself, which talks to nobody here.
    more.push(tiffin("--version"));
    printTimings("the same with other networks, and the start of the program alone", compare(more, rounds));
  },
]);

sections.push([
  "exec",
  () => {
    run("run", "-d", "--name", "bench-exec", "base", "sleep", "1000");
    const contestants = [tiffin("exec", "bench-exec", "true")];
    const ended: string[][] = [];
    for (const peer of ["docker", "podman"]) {
      if (!importImage(peer, root)) skipped(peer);
      else {
        timeOnce({
          name: "",
          command: [peer, "run", "-d", "--name", "tiffin-bench-exec", peerImage, "sleep", "1000"],
        });
        contestants.push({ name: `${peer} exec`, command: [peer, "exec", "tiffin-bench-exec", "true"] });
        ended.push([peer, "rm", "-f", "tiffin-bench-exec"]);
      }
    }
    try {
      printTimings(`exec C true (${rounds} rounds)`, compare(contestants, rounds));
    } finally {
      run("rm", "-f", "bench-exec");
      for (const command of ended) timeOnce({ name: "", command });
    }
  },
]);

/** Ours, and those of the peers that are here. */
function commandEngines(): CommandEngine[] {
  const engines: CommandEngine[] = [{ name: "tiffin", command: [binary], image: "base", env }];
  for (const peer of ["docker", "podman"]) {
    if (importImage(peer, root)) engines.push({ name: peer, command: [peer], image: peerImage });
    else skipped(peer);
  }
  return engines;
}

sections.push(["commands", () => benchCommands(commandEngines(), rounds)]);
sections.push([
  "output",
  () => benchOutput(commandEngines(), Number(process.env["BENCH_MEGABYTES"] ?? 1000)),
]);
sections.push([
  "together",
  async () => {
    const contestants = [tiffin("run", "--rm", "base", "true")];
    if (has("crun")) {
      const directory = bundle(join(scratch, "crun"), root, "crun", ["true"]);
      contestants.push({
        name: "crun run",
        command: ["crun", "run", "-b", directory, "tiffin-bench-NUMBER"],
      });
    } else skipped("crun");
    await benchTogether(contestants, 4, 100);
  },
]);

sections.push([
  "engine",
  async () => {
    const times: number[] = [];
    for (let round = 0; round < 10; round += 1) {
      await stopEngine();
      times.push(await startEngine());
    }
    recordFigure({ title: "cold start to first answer", name: "tiffin", unit: "ms", median: median(times) });
    console.log(
      `\nengine: cold start to first answer: median ${median(times).toFixed(1)} ms, p90 ${quantile(times, 0.9).toFixed(1)} ms (10 starts)`,
    );
    await Bun.sleep(3000);
    console.log(`engine: RSS after a start, idle 3 s: ${rssMb()} MB`);
  },
]);

sections.push([
  "memory",
  async () => {
    for (let index = 0; index < 100; index += 1)
      run("run", "-d", "--name", `bench-m${index}`, "base", "sleep", "1000");
    await Bun.sleep(3000);
    recordFigure({
      title: "RSS with 100 running containers",
      name: "tiffin",
      unit: "MB",
      median: Number(rssMb()),
    });
    console.log(`\nengine: RSS with 100 running containers: ${rssMb()} MB`);
    const pss: number[] = [];
    for (const name of readdirSync("/proc")) {
      if (!/^\d+$/.test(name)) continue;
      try {
        if (/^tf-sup/.test(readFileSync(`/proc/${name}/comm`, "utf8")))
          pss.push(kib(Number(name), "smaps_rollup", "Pss"));
      } catch {
        // The process ended between the listing and the reading.
      }
    }
    console.log(
      `supervisor per idle container: median ${median(pss).toFixed(0)} KB PSS over ${pss.length} supervisors`,
    );
    printTimings(
      `ps with 100 containers (${rounds} rounds)`,
      compare([tiffin("ps"), tiffin("ps", "-aq")], rounds),
    );
    for (let index = 0; index < 100; index += 1) run("rm", "-f", `bench-m${index}`);
  },
]);

sections.push([
  "flat",
  async () => {
    const containers = (process.env["BENCH_CONTAINERS"] ?? "1,100,1000").split(",").map(Number);
    await benchFlat(
      {
        socket: `${scratch}/tiffin.sock`,
        image: "base",
        command: tiffin,
        startAgain: async () => {
          engine?.kill("SIGKILL");
          await engine?.exited;
          return await startEngine();
        },
        rssMb: () => Number(rssMb()),
      },
      { containers, images: 1000, networks: 50, rounds: Math.min(rounds, 15) },
    );
  },
]);

sections.push([
  "responsive",
  async () =>
    await benchResponsive({
      socket: `${scratch}/tiffin.sock`,
      run,
      start: async (...args) =>
        await Bun.spawn([binary, ...args], { env: { ...process.env, ...env }, stdout: "ignore" }).exited,
    }),
]);

sections.push([
  "commit",
  () => {
    benchCommit(commandEngines(), Math.min(rounds, 10));
  },
]);

sections.push([
  "build",
  () => {
    const engines: BuildEngine[] = [
      {
        name: "tiffin",
        command: [binary, "build", "-q"],
        noCache: "--no-cache",
        image: "base",
        env: { ...process.env, ...env },
      },
    ];
    if (existsSync("/usr/bin/docker")) {
      engines.push({
        name: "docker-at-tiffin",
        command: ["/usr/bin/docker", "-H", `unix://${scratch}/tiffin.sock`, "build", "-q"],
        noCache: "--no-cache",
        image: "base",
        env: { ...process.env, DOCKER_BUILDKIT: "1" },
      });
    }
    if (importImage("docker", root)) {
      engines.push({
        name: "docker",
        command: ["/usr/bin/docker", "build", "-q"],
        noCache: "--no-cache",
        image: peerImage,
        env: { ...process.env, DOCKER_BUILDKIT: "1" },
      });
    } else skipped("docker");
    if (has("buildah") && importImage("podman", root)) {
      engines.push({
        name: "buildah",
        command: ["buildah", "bud", "-q", "--layers"],
        noCache: "--no-cache",
        image: `localhost/${peerImage}`,
      });
    } else skipped("buildah");
    benchBuild(engines, { scratch, rounds: Math.min(rounds, 5), rssMb });
  },
]);

sections.push([
  "networks",
  async () => {
    const engines: ApiEngine[] = [{ name: "tiffin", socket: `${scratch}/tiffin.sock`, image: "base" }];
    if (importImage("docker", root)) {
      engines.push({ name: "docker", socket: "/var/run/docker.sock", image: peerImage });
    } else skipped("docker");
    const containers = (process.env["BENCH_CONTAINERS"] ?? "100,1000").split(",").map(Number);
    await benchNetworks({ engines, rounds, containers, networks: 50 });
  },
]);

sections.push(["runtime", () => benchRuntime(scratch, root, rounds)]);

/** Only when it is asked for: it builds a second program. */
const explain = async (): Promise<void> => {
  await stopEngine();
  await benchExplain(binary, scratch, rounds);
};

/** Only when it is asked for: it empties the machine's page cache. */
const first = async (): Promise<void> => {
  await stopEngine();
  await benchFirst(binary, scratch, Math.min(rounds, 10));
};

async function images(parts: readonly string[]): Promise<void> {
  const engines: ImageEngine[] = [
    { name: "tiffin", command: [binary], env, transfer: [], ...(engine && { pid: engine.pid }) },
  ];
  for (const [peer, transfer] of [
    ["docker", []],
    ["podman", ["--tls-verify=false"]],
  ] as const) {
    if (answers(peer)) engines.push({ name: peer, command: [peer], transfer });
    else skipped(peer);
  }
  const stop = new AbortController();
  const end = (signal: string): void => stop.abort(new Error(`ended by ${signal}`));
  process.once("SIGINT", end).once("SIGTERM", end);
  const imageRounds = Number(process.env["BENCH_ROUNDS"] ?? 3);
  await benchImages({ scratch, binary, engines, parts, rounds: imageRounds, signal: stop.signal });
}

/** Ours, and Docker's where it is there. */
function classicEngines(): ClassicEngine[] {
  const engines: ClassicEngine[] = [
    {
      name: "tiffin",
      command: [binary],
      socket: `${scratch}/tiffin.sock`,
      image: "base",
      env,
      processes: { pid: () => engine?.pid ?? 0 },
    },
  ];
  if (hasImage("docker", root)) {
    engines.push({
      name: "docker",
      command: ["docker"],
      socket: "/var/run/docker.sock",
      image: peerImage,
      processes: { names: ["dockerd", "containerd", "containerd-shim"] },
    });
  } else skipped("docker");
  return engines;
}

async function clients(parts: readonly string[]): Promise<void> {
  const clientRounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
  await benchClients({ scratch, engines: classicEngines(), rounds: clientRounds, parts });
}

async function classic(parts: readonly string[]): Promise<void> {
  const engines = classicEngines();
  const restart = async (): Promise<number> => {
    engine?.kill("SIGKILL");
    await engine?.exited;
    const began = performance.now();
    await startEngine();
    return began;
  };
  const copyRounds = Number(process.env["BENCH_ROUNDS"] ?? 5);
  await benchClassic({ scratch, engines, rounds: copyRounds, parts, restart });
}

/** Sections with parts of their own; nothing else is run beside one. */
const withParts: Readonly<Record<string, (parts: readonly string[]) => Promise<void>>> = {
  images,
  classic,
  clients,
};
const parted = own(withParts, wanted[0] ?? "");
const known = ["images", "classic", "clients", "explain", "first", ...sections.map(([name]) => name)];
const unknown = parted !== undefined ? undefined : wanted.find((name) => !known.includes(name));
if (unknown !== undefined) {
  console.error(`bench: there is no section ${unknown}; there are ${known.join(", ")}`);
  rmSync(scratch, { recursive: true, force: true });
  process.exit(2);
}

const machine = machineFacts(binary);
console.log(`${machine.processors} x ${machine.processor}, ${machine.memoryGb} GB, Linux ${machine.kernel}`);
console.log(
  `${Object.entries(machine.versions)
    .map(([name, version]) => `${name}: ${version}`)
    .join("; ")}`,
);
const lookAgain = await watchQuiet();

async function tell(): Promise<void> {
  const quiet = await lookAgain();
  const record = { when: new Date().toISOString(), machine, quiet, figures: recorded() };
  console.log(`\n${loadText(quiet)}`);
  for (const noise of noiseOf(quiet)) console.log(`\nWARNING: ${noise}: take these figures with care`);
  if (options.json !== undefined) writeRecord(options.json, record);
  if (options.picture !== undefined) writeFileSync(options.picture, pictureOf(record));
  if (options.keep === true) {
    writeRecord(join(kept, "figures.json"), record);
    writeFileSync(join(kept, "figures.md"), tableOf(record));
    writeFileSync(join(kept, "figures.svg"), pictureOf(record));
  }
  if (earlier === undefined) return;
  const { processors, processor, kernel } = earlier.machine;
  console.log(`\nagainst the run of ${earlier.when} on ${processors} x ${processor}, Linux ${kernel}`);
  for (const line of comparison(earlier, record.figures)) console.log(line);
}

try {
  await startEngine();
  run("run", "--rm", "base", "true");
  if (parted !== undefined) {
    beginSection(wanted[0] ?? "");
    await parted(wanted.slice(1));
  }
  for (const [name, section] of sections) {
    if (parted !== undefined) break;
    beginSection(name);
    if (wanted.length === 0 || wanted.includes(name)) await section();
  }
  if (wanted.includes("explain")) await explain();
  if (wanted.includes("first")) await first();
  await tell();
} finally {
  // A signal to all of a terminal's programs has ended it already.
  const isRunning = engine?.exitCode === null && engine.signalCode === null;
  const left = isRunning ? run("ps", "-aq") : "";
  if (left !== "") run("rm", "-f", ...left.split("\n"));
  await stopEngine();
  Bun.spawnSync([binary, "daemon", "--root", `${scratch}/root`, "--run", `${scratch}/run`, "--uninstall"]);
  rmSync(errorFile, { force: true });
  rmSync(scratch, { recursive: true, force: true });
}
