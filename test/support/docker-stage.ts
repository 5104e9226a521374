/** A Docker engine of a test's own with the image `base` of an engine of ours, so that both run the same programs. */
import { openAsBlob } from "node:fs";
import type { TestEngine } from "./engine-harness.ts";
import { OwnDockerd, type OwnDockerdOptions } from "./own-dockerd.ts";

/** Takes `base` of `engine` for that of the Docker engine, which is the caller's to dispose of. */
export async function dockerdWithBaseOf(
  engine: TestEngine,
  options: OwnDockerdOptions = {},
): Promise<OwnDockerd> {
  const archive = `${engine.directory}/base.tar`;
  // The first container makes the image.
  await engine.output("run", "--rm", "base", "true");
  await engine.output("save", "-o", archive, "base");
  const dockerd = await OwnDockerd.start(options);
  try {
    const loaded = await fetch("http://localhost/images/load?quiet=1", {
      method: "POST",
      unix: dockerd.socket,
      body: await openAsBlob(archive),
    });
    if (loaded.status !== 200) throw new Error(`docker load: ${await loaded.text()}`);
    await loaded.text();
    return dockerd;
  } catch (thrown) {
    await dockerd[Symbol.asyncDispose]();
    throw thrown;
  }
}
