/** A client that creates, starts, execs into, stops and removes, and remembers what it was told. */
import { expect } from "bun:test";
import type { Draw } from "../../support/seeded-random.ts";
import type { KilledEngine } from "./killed-engine.ts";

/** What a client knows of a container. A request without an answer leaves it open. */
interface Known {
  readonly presence: "there" | "gone" | "open";
  readonly state?: "running" | "paused" | "exited";
}

const scripts = ["sleep 0.05", "sleep 1000", "exit 3"] as const;

export class LifeClient {
  readonly #known = new Map<string, Known>();
  readonly #engine: KilledEngine;
  readonly #label: string;
  readonly #draw: Draw;
  #count = 0;

  constructor(engine: KilledEngine, label: string, draw: Draw) {
    this.#engine = engine;
    this.#label = label;
    this.#draw = draw;
  }

  /** Works until the engine is killed. */
  async work(): Promise<void> {
    while (await this.#oneLife());
  }

  /** What is found of it, where that is not what it was told. `states` of all containers by name. */
  wrong(states: ReadonlyMap<string, string>): string[] {
    return [...this.#known].flatMap(([name, { presence, state }]) => {
      const found = states.get(name);
      const fits =
        presence === "open" ||
        (presence === "gone" ? found === undefined : found !== undefined && (state ?? found) === found);
      return fits ? [] : [`${name}: ${found ?? "not there"}, told: ${presence} ${state ?? ""}`];
    });
  }

  async #oneLife(): Promise<boolean> {
    this.#count += 1;
    const name = `${this.#label}-${this.#count}`;
    const script = scripts[this.#draw(scripts.length)] ?? "";
    const policy = this.#draw(3) === 0 ? "unless-stopped" : "no";
    this.#known.set(name, { presence: "open" });
    const created = await this.#engine.ask("POST", `/containers/create?name=${name}`, {
      Image: "base",
      Cmd: ["sh", "-c", script],
      HostConfig: {
        NetworkMode: this.#draw(2) === 0 ? "none" : "bridge",
        RestartPolicy: { Name: policy },
      },
      Volumes: { "/data": {} },
    });
    if (created === undefined) return false;
    expect(created.status).toBe(201);
    this.#known.set(name, { presence: "there" });
    const started = await this.#engine.ask("POST", `/containers/${name}/start`);
    if (started === undefined) return false;
    expect(started.status).toBe(204);
    const lasts = script === "sleep 1000";
    if (lasts) this.#known.set(name, { presence: "there", state: "running" });
    return (await this.#exec(name)) && (!lasts || (await this.#changes(name))) && (await this.#end(name));
  }

  /** One that runs on is paused, goes on, or is started again; or nothing. */
  async #changes(name: string): Promise<boolean> {
    const changes = [
      [],
      [["pause", "paused"]],
      [
        ["pause", "paused"],
        ["unpause", "running"],
      ],
      [["restart?t=0", "running"]],
    ] as const;
    for (const [action, state] of changes[this.#draw(changes.length)] ?? []) {
      this.#known.set(name, { presence: "there" });
      const changed = await this.#engine.ask("POST", `/containers/${name}/${action}`);
      if (changed === undefined) return false;
      expect([action, changed.status]).toEqual([action, 204]);
      this.#known.set(name, { presence: "there", state });
    }
    return true;
  }

  async #exec(name: string): Promise<boolean> {
    const made = await this.#engine.ask("POST", `/containers/${name}/exec`, { Cmd: ["true"] });
    if (made === undefined) return false;
    if (made.status !== 201) return true;
    const { Id } = made.json() as { readonly Id: string };
    return (await this.#engine.ask("POST", `/exec/${Id}/start`, { Detach: true })) !== undefined;
  }

  async #end(name: string): Promise<boolean> {
    if (this.#draw(2) === 0) {
      this.#known.set(name, { presence: "there" });
      const stopped = await this.#engine.ask("POST", `/containers/${name}/stop?t=0`);
      if (stopped === undefined) return false;
      expect([204, 304]).toContain(stopped.status);
      this.#known.set(name, { presence: "there", state: "exited" });
    }
    if (this.#draw(3) === 0) return true;
    this.#known.set(name, { presence: "open" });
    const removed = await this.#engine.ask("DELETE", `/containers/${name}?force=1&v=1`);
    if (removed === undefined) return false;
    expect(removed.status).toBe(204);
    this.#known.set(name, { presence: "gone" });
    return true;
  }
}
