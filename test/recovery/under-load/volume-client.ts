/** A client that has lines written into a named volume, one exec each: what it was told is written must stay. */

import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import type { KilledEngine } from "./killed-engine.ts";

export class VolumeClient {
  readonly #engine: KilledEngine;
  readonly name: string;
  readonly #volume: string;
  readonly #asked: string[] = [];
  readonly #acknowledged: string[] = [];

  /** `volume` is there, with a file `lines`. */
  constructor(engine: KilledEngine, name: string, volume: string) {
    this.#engine = engine;
    this.name = name;
    this.#volume = volume;
  }

  get acknowledged(): number {
    return this.#acknowledged.length;
  }

  /** Starts the container, which lives through all crashes. */
  async begin(): Promise<void> {
    const created = await this.#engine.ask("POST", `/containers/create?name=${this.name}`, {
      Image: "base",
      Cmd: ["sleep", "1000"],
      HostConfig: { NetworkMode: "none", Binds: [`${this.#volume}:/volume`] },
    });
    expect(created?.status).toBe(201);
    expect((await this.#engine.ask("POST", `/containers/${this.name}/start`))?.status).toBe(204);
  }

  /** Works until the engine is killed. */
  async work(): Promise<void> {
    while (await this.#write());
  }

  /** Throws when a line is not in the volume that was acknowledged, or one is that nobody asked for, or twice. */
  check(): void {
    const path = `${this.#engine.engine.root}/volumes/${this.#volume}/_data/lines`;
    const written = readFileSync(path, "utf8").split("\n").slice(0, -1);
    const isIn = new Set(written);
    expect(this.#acknowledged.filter((line) => !isIn.has(line))).toEqual([]);
    const wasAsked = new Set(this.#asked);
    expect(written.filter((line) => !wasAsked.has(line))).toEqual([]);
    expect(isIn.size).toBe(written.length);
  }

  async #write(): Promise<boolean> {
    const line = `${this.name} ${this.#asked.length}`;
    const made = await this.#engine.ask("POST", `/containers/${this.name}/exec`, {
      Cmd: ["sh", "-c", `echo ${line} >>/volume/lines`],
      AttachStdout: true,
    });
    if (made === undefined) return false;
    expect(made.status).toBe(201);
    const { Id } = made.json() as { readonly Id: string };
    this.#asked.push(line);
    // The answer ends with the program.
    if ((await this.#engine.ask("POST", `/exec/${Id}/start`, {})) === undefined) return false;
    const looked = await this.#engine.ask("GET", `/exec/${Id}/json`);
    if (looked === undefined) return false;
    expect(looked.json()).toMatchObject({ Running: false, ExitCode: 0 });
    this.#acknowledged.push(line);
    return true;
  }
}
