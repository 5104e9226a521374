/** Other people's programs in tests: they must do what they are asked, or the test says what they said. */
import { type Outcome, outcomeOf } from "./outcome.ts";

export interface PeerOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly directory?: string;
}

export async function tryPeer(words: readonly string[], options: PeerOptions = {}): Promise<Outcome> {
  const child = Bun.spawn([...words], {
    env: { ...process.env, ...options.env },
    ...(options.directory === undefined ? {} : { cwd: options.directory }),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  return await outcomeOf(child);
}

/** What it prints, without white space around it. */
export async function runPeer(words: readonly string[], options: PeerOptions = {}): Promise<string> {
  const { code, stdout, stderr } = await tryPeer(words, options);
  if (code !== 0) throw new Error(`${words.join(" ")}: exit ${code}: ${stderr}${stdout}`);
  return stdout.trim();
}

/** podman and buildah with their images in a directory of their own, which holds nothing mounted. */
export function ownStorage(directory: string): string[] {
  return [`--root=${directory}/storage`, `--runroot=${directory}/storage-run`, "--storage-driver=vfs"];
}
