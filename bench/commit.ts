/** A container with a thousand changed files becomes an image, beside the peers: each commit is taken away again, untimed. */
import { type Contestant, median, printTimings, quantile, timeOnce } from "./timing.ts";

const files = 1000;
const script = `mkdir /w; i=0; while [ $i -lt ${files} ]; do echo "content of file number $i" > /w/f$i; i=$((i+1)); done`;
const made = "tiffin-bench-commit";

export interface CommitEngine {
  readonly name: string;
  readonly command: readonly string[];
  readonly image: string;
  readonly env?: Readonly<Record<string, string>>;
}

export function benchCommit(engines: readonly CommitEngine[], rounds: number): void {
  const call = ({ name, command, env }: CommitEngine, ...args: string[]): Contestant => ({
    name: `${name} ${args[0] ?? ""}`,
    // Ids and names that are printed say nothing here.
    command: ["/bin/sh", "-c", 'exec "$@" >/dev/null', "sh", ...command, ...args],
    ...(env !== undefined && { env }),
  });
  const times = engines.map(() => [] as number[]);
  const begun: CommitEngine[] = [];
  try {
    for (const engine of engines) {
      timeOnce(call(engine, "run", "--network", "none", "--name", made, engine.image, "sh", "-c", script));
      begun.push(engine);
    }
    for (let round = 0; round < rounds; round += 1) {
      for (const [index] of engines.entries()) {
        const at = (index + round) % engines.length;
        const engine = engines[at];
        if (engine === undefined) continue;
        times[at]?.push(timeOnce(call(engine, "commit", made, made)));
        timeOnce(call(engine, "rmi", made));
      }
    }
  } finally {
    for (const engine of begun) timeOnce(call(engine, "rm", made));
  }
  printTimings(
    `commit of ${files} changed files (${rounds} rounds)`,
    engines.map((engine, index) => {
      const all = times[index] ?? [];
      return {
        name: `${engine.name} commit`,
        medianMs: median(all),
        minMs: Math.min(...all),
        p90Ms: quantile(all, 0.9),
        rounds: all.length,
      };
    }),
  );
}
