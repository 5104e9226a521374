/** An engine whose root is a small file system of its own, in memory. */
import { mkdirSync, statfsSync } from "node:fs";
import { TestEngine } from "./engine-harness.ts";

/** With the image `base`. End it with `endSmallDisk`. */
export async function smallDiskEngine(bytes: number): Promise<TestEngine> {
  const engine = new TestEngine();
  mkdirSync(engine.root);
  const options = `size=${bytes},mode=700`;
  const mounted = Bun.spawnSync(["mount", "-t", "tmpfs", "-o", options, "tmpfs", engine.root]);
  if (!mounted.success) throw new Error(`cannot mount: ${mounted.stderr.toString()}`);
  try {
    await engine.start();
    await engine.output("run", "--rm", "base", "true");
  } catch (thrown) {
    await endSmallDisk(engine);
    throw thrown;
  }
  return engine;
}

export async function endSmallDisk(engine: TestEngine): Promise<void> {
  // Its content goes with the mount; the directory itself is the engine's to delete.
  const { root } = engine;
  await engine.stopAll();
  Bun.spawnSync(["umount", "-l", root]);
  await engine[Symbol.asyncDispose]();
}

export function freeBytes(engine: TestEngine): number {
  const { bavail, bsize } = statfsSync(engine.root);
  return bavail * bsize;
}
