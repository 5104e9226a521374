/** Builds beside docker's BuildKit and buildah: programs that do nothing, contexts of many files, stages that wait. */
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { type Contestant, median, printTimings, quantile, timeOnce } from "./timing.ts";

export interface BuildEngine {
  readonly name: string;
  /** `build` and its flags; the context follows. */
  readonly command: readonly string[];
  readonly noCache: string;
  readonly image: string;
  readonly env?: Readonly<Record<string, string>>;
}

const steps = 20;
const directories = 100;
const filesEach = 100;
const fileBytes = 10_000;
const stages = 4;

interface Case {
  readonly title: string;
  readonly dockerfile: (image: string) => string;
  readonly cached: boolean;
  /** The big context, and what is done to it before each build. */
  readonly files?: (directory: string, round: number) => void;
}

const waiting = Array.from(
  { length: stages },
  (_, at) => `FROM IMAGE AS s${at}\nRUN sleep 2; echo ${at} > /${at}`,
);
const gathering = Array.from({ length: stages }, (_, at) => `COPY --from=s${at} /${at} /${at}`);

const cases: readonly Case[] = [
  {
    title: `${steps} steps RUN true without cache`,
    dockerfile: () => `FROM IMAGE\n${"RUN true\n".repeat(steps)}`,
    cached: false,
  },
  {
    title: "100 MB in 10,000 files, other ones each time",
    dockerfile: () => "FROM IMAGE\nCOPY . /all/\n",
    cached: true,
    files: (directory, round) => writeContext(directory, `first ${round} ${performance.now()}`),
  },
  {
    title: "everything cached, 10,000 files unchanged",
    dockerfile: () => "FROM IMAGE\nCOPY . /all/\n",
    cached: true,
    files: () => {},
  },
  {
    title: "one of 10,000 files changed",
    dockerfile: () => "FROM IMAGE\nCOPY . /all/\n",
    cached: true,
    files: (directory, round) => writeFileSync(`${directory}/d5/f5`, `changed ${round} ${performance.now()}`),
  },
  {
    title: `${stages} independent stages of 2 s`,
    dockerfile: () => `${waiting.join("\n")}\nFROM IMAGE\n${gathering.join("\n")}\n`,
    cached: false,
  },
];

function writeContext(directory: string, word: string): void {
  for (let at = 0; at < directories; at += 1) {
    mkdirSync(`${directory}/d${at}`, { recursive: true });
    for (let file = 0; file < filesEach; file += 1) {
      writeFileSync(`${directory}/d${at}/f${file}`, `${word} ${at} ${file} `.padEnd(fileBytes, "."));
    }
  }
}

/**
 * `rssMb` is the engine's, when a case is over. Nothing is taken away before the end: an ext4 without a journal looks at each inode that went in the last
 * minutes whenever it makes a file, so whoever came after a removal would pay for it.
 */
export function benchBuild(
  engines: readonly BuildEngine[],
  {
    scratch,
    rounds,
    rssMb,
  }: { readonly scratch: string; readonly rounds: number; readonly rssMb: () => string },
): void {
  const contexts = engines.map(({ name }) => `${scratch}/build-${name}`);
  for (const context of contexts) writeContext(context, "before");
  for (const one of cases) {
    const times = engines.map(() => [] as number[]);
    for (let round = 0; round <= rounds; round += 1) {
      for (const [index] of engines.entries()) {
        const at = (index + round) % engines.length;
        const [engine, context = "", all] = [engines[at], contexts[at], times[at]];
        if (engine === undefined) continue;
        const directory = one.files === undefined ? `${context}-steps` : context;
        mkdirSync(directory, { recursive: true });
        writeFileSync(
          `${directory}/Dockerfile`,
          one.dockerfile(engine.image).replaceAll("IMAGE", engine.image),
        );
        one.files?.(directory, round);
        const ms = timeOnce(callOf(engine, one, directory));
        // The first tells nothing: what others have left counts in it.
        if (round > 0) all?.push(ms);
      }
    }
    printTimings(
      `build: ${one.title} (${rounds} rounds)`,
      engines.map(({ name }, index) => {
        const all = times[index] ?? [];
        return {
          name,
          medianMs: median(all),
          minMs: Math.min(...all),
          p90Ms: quantile(all, 0.9),
          rounds: all.length,
        };
      }),
    );
    const [own] = times.map((all) => median(all));
    const others = engines
      .slice(1)
      .map(({ name }, index) => `${name} 1/${(median(times[index + 1] ?? []) / (own ?? 1)).toFixed(1)}`);
    console.log(
      `  engine: RSS ${rssMb()} MB; ${engines[0]?.name ?? ""} takes of the time of ${others.join(", ")}`,
    );
  }
  for (const context of contexts)
    for (const part of ["", "-steps"]) rmSync(`${context}${part}`, { recursive: true, force: true });
}

function callOf(
  { name, command, noCache, env }: BuildEngine,
  { cached }: Case,
  directory: string,
): Contestant {
  const words = [...command, ...(cached ? [] : [noCache]), directory];
  return {
    name: `${name} build`,
    command: ["/bin/sh", "-c", 'exec "$@" >/dev/null 2>&1', "sh", ...words],
    ...(env !== undefined && { env }),
  };
}
