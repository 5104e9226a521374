/** How long the engine leaves others waiting while it does something large: `_ping` once a millisecond beside it. */
import { linkSync, mkdirSync, writeFileSync } from "node:fs";
import { median, quantile } from "./timing.ts";

const filesPerDirectory = 5_000;
const directories = 30;
const logLines = 900_000;

export interface Bench {
  readonly socket: string;
  readonly run: (...args: string[]) => string;
  /** Starts the command line without waiting; resolves at its end. */
  readonly start: (...args: string[]) => Promise<unknown>;
}

/** Milliseconds of each answer while `work` goes on. */
async function pingsBeside(socket: string, work: () => Promise<unknown>): Promise<number[]> {
  const times: number[] = [];
  let over = false;
  const working = work().finally(() => {
    over = true;
  });
  while (!over) {
    const began = performance.now();
    await (await fetch("http://tiffin/_ping", { unix: socket })).text();
    times.push(performance.now() - began);
    await Bun.sleep(1);
  }
  await working;
  return times;
}

export async function benchResponsive({ socket, run, start }: Bench): Promise<void> {
  run("run", "--name", "bench-many", "-v", "/data", "base", "true");
  const place = run("inspect", "--format", "{{(index .Mounts 0).Source}}", "bench-many");
  for (let directory = 0; directory < directories; directory += 1) {
    mkdirSync(`${place}/${directory}`);
    // Links of one file: making as many files would take longer than all else.
    const first = `${place}/${directory}/file 0`;
    writeFileSync(first, "");
    for (let file = 1; file < filesPerDirectory; file += 1)
      linkSync(first, `${place}/${directory}/file ${file}`);
  }
  const script = `yes $(printf %080d 7) | head -n ${logLines}`;
  run("run", "-d", "--name", "bench-log", "--log-opt", "max-size=200m", "base", "sh", "-c", script);
  run("wait", "bench-log");
  const cases: readonly [string, () => Promise<unknown>][] = [
    ["nothing", async () => await Bun.sleep(2000)],
    [`logs --tail ${logLines}`, async () => await start("logs", "--tail", String(logLines), "bench-log")],
    ["logs", async () => await start("logs", "bench-log")],
    [
      `removal of a volume of ${filesPerDirectory * directories} files`,
      async () => {
        await start("rm", "-v", "bench-many");
        // It is deleted in the background.
        await Bun.sleep(2000);
      },
    ],
  ];
  console.log("\n_ping once a millisecond, in ms");
  for (const [name, work] of cases) {
    const times = await pingsBeside(socket, work);
    const figures = [median(times), quantile(times, 0.99), Math.max(...times)].map((ms) => ms.toFixed(1));
    console.log(
      `  beside ${name}: median ${figures[0]}, p99 ${figures[1]}, longest ${figures[2]} (${times.length})`,
    );
  }
  run("rm", "bench-log");
}
