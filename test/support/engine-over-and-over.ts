/**
 * One set of directories for many tests that each end and start the engine over them, and leave nothing in them. A test that
 * fails takes them along, so that the next one begins with fresh ones.
 */

import { startEngine, type TestEngine } from "./engine-harness.ts";
import type { HostSnapshot } from "./host-snapshot.ts";

export class EngineOverAndOver implements AsyncDisposable {
  #there: { readonly engine: TestEngine; readonly before: HostSnapshot } | undefined;

  /** `before` is the host when the engine has run one container. The engine is running, and must be when `act` ends. */
  async with(act: (engine: TestEngine, before: HostSnapshot) => Promise<void>): Promise<void> {
    const { engine, before } = this.#there ?? (await fresh());
    this.#there = undefined;
    try {
      await act(engine, before);
    } catch (thrown) {
      await engine[Symbol.asyncDispose]();
      throw thrown;
    }
    this.#there = { engine, before };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#there?.engine[Symbol.asyncDispose]();
    this.#there = undefined;
  }
}

async function fresh(): Promise<{ engine: TestEngine; before: HostSnapshot }> {
  const engine = await startEngine();
  try {
    await engine.output("run", "--rm", "base", "true");
    return { engine, before: engine.snapshot() };
  } catch (thrown) {
    await engine[Symbol.asyncDispose]();
    throw thrown;
  }
}
