/** An engine inside the test's own process, on directories of its own, taken off the host at the end. */
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import type { ContainerCreateBody } from "../../src/docker/types/container.ts";
import {
  type Engine,
  type EngineConfig,
  type EngineOptions,
  engineConfig,
  openEngine,
} from "../../src/engine/mod.ts";

const executor = readFileSync(new URL("../../executor/build/tiffin-executor", import.meta.url));

export interface Finished {
  readonly code: number;
  /** Output with the frames taken off. */
  readonly stdout: string;
  readonly stderr: string;
  readonly error: string | undefined;
}

export class EngineFixture {
  readonly directory: string;
  readonly reported: unknown[] = [];
  readonly config: EngineConfig;
  #engine: Engine | undefined;

  /** Over a fresh directory, or one that another engine has used. */
  constructor(
    directory: string = mkdtempSync("/tmp/tiffin-test-inproc-"),
    options: Parameters<typeof engineConfig>[0] = {},
  ) {
    this.directory = directory;
    this.config = engineConfig({
      ...options,
      root: `${directory}/root`,
      run: `${directory}/run`,
      host: `unix://${directory}/sock`,
    });
  }

  get engine(): Engine {
    if (this.#engine === undefined) throw new Error("the engine is not open");
    return this.#engine;
  }

  async open(options: Partial<EngineOptions> = {}): Promise<this> {
    this.#engine = await openEngine(this.config, {
      executor,
      version: "test",
      report: (thrown) => this.reported.push(thrown),
      ...options,
    });
    return this;
  }

  /** The test has closed or uninstalled the engine by itself. */
  forget(): void {
    this.#engine = undefined;
  }

  /** Lets go, as an engine that is stopped. */
  async close(): Promise<void> {
    await this.engine.close();
    this.#engine = undefined;
  }

  async reopen(): Promise<void> {
    await this.close();
    await this.open();
  }

  /** Runs to the end and collects the output. */
  async run(
    cmd: readonly string[],
    more: ContainerCreateBody = {},
    options: { readonly remove?: boolean; readonly name?: string; readonly input?: string } = {},
  ): Promise<Finished> {
    const session = await this.engine.containers.run({
      create: {
        Image: "base",
        Cmd: cmd,
        AttachStdout: true,
        AttachStderr: true,
        ...(options.input !== undefined && { AttachStdin: true, OpenStdin: true, StdinOnce: true }),
        ...more,
        HostConfig: { NetworkMode: "none", ...more.HostConfig },
      },
      name: options.name,
      remove: options.remove ?? true,
    });
    const collected = collect(session.stream, session.tty);
    if (options.input !== undefined) {
      session.stream.write(new TextEncoder().encode(options.input));
      session.stream.end();
    }
    const exited = await session.exited;
    return { code: exited.StatusCode, error: exited.Error, ...(await collected) };
  }

  /** Starts a container that stays, and gives its id. */
  async start(cmd: readonly string[], more: ContainerCreateBody = {}, name?: string): Promise<string> {
    const { containers } = this.engine;
    const { Id } = await containers.create({
      name,
      body: {
        Image: "base",
        Cmd: cmd,
        ...more,
        HostConfig: { NetworkMode: "none", ...more.HostConfig },
      },
    });
    await containers.start(Id);
    return Id;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#engine !== undefined) {
      const { containers } = this.#engine;
      for (const { Id } of await containers.list({ all: true, size: false, filters: {} })) {
        await containers.remove(Id, { force: true, volumes: true }).catch(() => {});
      }
      await this.#engine.uninstall();
    }
    rmSync(this.directory, { recursive: true, force: true });
  }
}

/** Everything that a stream says until it is closed. */
export function collect(
  stream: {
    listen(handlers: { data(chunk: Uint8Array): void; end(): void; close(error?: Error): void }): void;
  },
  tty: boolean,
): Promise<{ readonly stdout: string; readonly stderr: string }> {
  return new Promise((resolve) => {
    const chunks: Uint8Array[] = [];
    stream.listen({
      data: (chunk) => chunks.push(chunk.slice()),
      end() {},
      close() {
        const bytes = Buffer.concat(chunks);
        resolve(tty ? { stdout: bytes.toString(), stderr: "" } : unframe(bytes));
      },
    });
  });
}

export function unframe(bytes: Buffer): { readonly stdout: string; readonly stderr: string } {
  const parts: [Buffer[], Buffer[]] = [[], []];
  for (let offset = 0; offset < bytes.length; ) {
    const length = bytes.readUInt32BE(offset + 4);
    const body = bytes.subarray(offset + 8, offset + 8 + length);
    (bytes[offset] === 2 ? parts[1] : parts[0]).push(body);
    offset += 8 + length;
  }
  return { stdout: Buffer.concat(parts[0]).toString(), stderr: Buffer.concat(parts[1]).toString() };
}
