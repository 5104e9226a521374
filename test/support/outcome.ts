/** What a command prints and ends with, for tests that call programs. */

export interface Outcome {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Reads both streams of `child`, which must be pipes, to their end. */
export async function outcomeOf(child: Bun.Subprocess<Bun.Spawn.Writable, "pipe", "pipe">): Promise<Outcome> {
  const [stdout, stderr, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, stdout, stderr };
}
