/** The commands that people repeat, beside the peers' own clients, and what one life of a container costs in commands. */
import { beginSection } from "./record.ts";
import { type Contestant, compare, pauseMs, printFigures, printTimings, timeOnce } from "./timing.ts";

export interface CommandEngine {
  readonly name: string;
  readonly command: readonly string[];
  readonly image: string;
  readonly env?: Readonly<Record<string, string>>;
}

const containers = 100;
const prefix = "tiffin-bench-c";

/** The engines' own words for the same thing. */
function calls(engines: readonly CommandEngine[], words: (engine: CommandEngine) => readonly string[]) {
  return engines.map(
    (engine): Contestant => ({
      name: `${engine.name} ${words(engine)[0] ?? ""}`,
      command: [...engine.command, ...words(engine)],
      ...(engine.env === undefined ? {} : { env: engine.env }),
    }),
  );
}

function call(engine: CommandEngine, ...words: string[]): number {
  const [contestant] = calls([engine], () => words);
  return contestant === undefined ? Number.NaN : timeOnce(contestant);
}

const names = (count: number): string[] => Array.from({ length: count }, (_, index) => `${prefix}${index}`);

export function benchCommands(engines: readonly CommandEngine[], rounds: number): void {
  beginSection("commands");
  try {
    for (const engine of engines) {
      for (const name of names(containers)) call(engine, "create", "--name", name, engine.image, "true");
      call(engine, "start", "-a", `${prefix}0`);
    }
    const one = `${prefix}0`;
    const table: readonly (readonly [title: string, words: readonly string[]])[] = [
      [`ps -a, ${containers} containers`, ["ps", "-a"]],
      ["version", ["version"]],
      ["inspect", ["inspect", one]],
      ["logs --tail 10", ["logs", "--tail", "10", one]],
    ];
    for (const [title, words] of table) {
      printTimings(
        `${title} (${rounds} rounds)`,
        compare(
          calls(engines, () => words),
          rounds,
        ),
      );
    }
    lives(engines, rounds);
  } finally {
    for (const engine of engines) call(engine, "rm", "-f", ...names(containers));
  }
}

/** `run -d`, `stop` of a process that obeys, `start`, `rm`: each a command of its own. */
function lives(engines: readonly CommandEngine[], rounds: number): void {
  const steps: readonly (readonly [string, (engine: CommandEngine, name: string) => string[]])[] = [
    ["run -d", ({ image }, name) => ["run", "-d", "--name", name, image, "sh", "-c", obedient]],
    ["stop", (_, name) => ["stop", name]],
    ["start", (_, name) => ["start", name]],
    ["kill", (_, name) => ["kill", name]],
    ["rm", (_, name) => ["rm", name]],
  ];
  const samples = new Map<string, number[]>();
  for (let round = -1; round < rounds; round += 1) {
    for (const engine of engines) {
      for (const [step, words] of steps) {
        Bun.sleepSync(pauseMs);
        const took = call(engine, ...words(engine, `${prefix}-life`));
        const key = `${step}\n${engine.name}`;
        if (round >= 0) samples.set(key, [...(samples.get(key) ?? []), took]);
      }
    }
  }
  for (const [step] of steps) {
    printFigures(
      `${step} (${rounds} rounds)`,
      engines.map(({ name }) => ({ name: `${name} ${step}`, values: samples.get(`${step}\n${name}`) ?? [] })),
    );
  }
}

/** More than one, as the machine is not always the same; the first does not count. */
const wavesTogether = 5;

/** Ends at once when it is told to. */
const obedient = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done";

/** As long as what a server says of a request. */
const line =
  "the line that a server writes for each request has about a hundred letters, as this one has, too, here";

/** Bytes that go out through `run` to a pipe, their log kept. */
export function benchOutput(engines: readonly CommandEngine[], megabytes: number): void {
  beginSection("output");
  const rates = engines.map((engine) => {
    const script = `yes '${line}' | head -c ${megabytes}000000`;
    const values: number[] = [];
    for (let round = 0; round < 3; round += 1) {
      const [contestant] = calls([engine], () => [
        "run",
        "--name",
        `${prefix}-out`,
        engine.image,
        "sh",
        "-c",
        script,
      ]);
      if (contestant === undefined) continue;
      const { command } = contestant;
      const quoted = command.map((word) => `'${word.replaceAll("'", "'\\''")}'`).join(" ");
      const took = timeOnce({ ...contestant, command: ["sh", "-c", `${quoted} | cat >/dev/null`] });
      values.push((megabytes / took) * 1000);
      call(engine, "rm", "-f", `${prefix}-out`);
    }
    return { name: engine.name, values };
  });
  printFigures(
    `output of ${megabytes} MB of lines through run to a pipe, with its log`,
    rates,
    "MB/s",
    "more",
  );
}

/**
 * Starts by several clients at a time. Each client is a shell that calls one after the other: a shell costs little beside what it
 * calls, and as much for everybody. NUMBER in a command is another one each time.
 */
export async function benchTogether(
  contestants: readonly Contestant[],
  clients: number,
  count: number,
): Promise<void> {
  beginSection("together");
  const samples = contestants.map((): number[] => []);
  for (let wave = -1; wave < wavesTogether; wave += 1) {
    for (const [index, contestant] of contestants.entries()) {
      const perSecond = await perSecondOf(contestant, clients, Math.ceil(count / clients));
      if (wave >= 0) samples[index]?.push(perSecond);
    }
  }
  printFigures(
    `runs per second, ${clients} clients at a time (medians of ${wavesTogether} waves of ${count})`,
    contestants.map(({ name }, index) => ({ name, values: samples[index] ?? [] })),
    "1/s",
    "more",
  );
}

async function perSecondOf(contestant: Contestant, clients: number, each: number): Promise<number> {
  const began = performance.now();
  const exits = Array.from({ length: clients }, (_, client) => {
    const words = contestant.command.map((word) => `'${word.replace("NUMBER", `${client}-'"$n"'`)}'`);
    const script = `n=0; while [ $n -lt ${each} ]; do n=$((n + 1)); ${words.join(" ")} || exit 1; done`;
    return Bun.spawn(["sh", "-c", script], {
      env: { ...process.env, ...contestant.env },
      stdout: "ignore",
      stderr: "ignore",
    }).exited;
  });
  if ((await Promise.all(exits)).some((code) => code !== 0))
    throw new Error(`${contestant.command.join(" ")} failed`);
  return ((clients * each) / (performance.now() - began)) * 1000;
}
