/** The statistics of several containers as they come: one stream each, and one of events where all containers are meant. */
import type { ApiClient } from "../../client/api-client.ts";
import type { ContainerStats } from "../../docker/types/stats.ts";
import { TiffinError } from "../../lib/errors.ts";

export interface Watched {
  /** As the user named it; the id where nobody did. */
  readonly name: string;
  stats: ContainerStats | undefined;
}

type Api = ApiClient<unknown>;

export class WatchedContainers {
  readonly #api: Api;
  readonly #watched = new Map<string, Watched>();
  readonly #first: Promise<void>[] = [];
  #failure: { readonly thrown: unknown } | undefined;
  /** Something is other than when this was last set to false. */
  changed = false;

  constructor(api: Api) {
    this.#api = api;
  }

  get all(): readonly Watched[] {
    return [...this.#watched.values()];
  }

  /** Throws what a stream failed with. */
  check(): void {
    if (this.#failure !== undefined) throw this.#failure.thrown;
  }

  /** Resolves when each of those that were added so far has spoken, or is gone. */
  async spoken(): Promise<void> {
    await Promise.all(this.#first.splice(0));
    this.check();
  }

  /** `forgive`: one that is gone already is none. */
  add(name: string, forgive: boolean): void {
    if (this.#watched.has(name)) return;
    const watched: Watched = { name, stats: undefined };
    this.#watched.set(name, watched);
    const { promise, resolve } = Promise.withResolvers<void>();
    this.#first.push(promise);
    this.#follow(watched, resolve)
      .catch((thrown: unknown) => {
        if (!(forgive && thrown instanceof TiffinError && thrown.kind === "notFound"))
          this.#failure ??= { thrown };
      })
      .finally(() => {
        this.remove(name, watched);
        resolve();
      });
  }

  async #follow(watched: Watched, spoken: () => void): Promise<void> {
    const lines = this.#api.lines("containerStats", {
      params: { name: watched.name },
      query: { stream: true },
    });
    for await (const stats of lines) {
      if (this.#watched.get(watched.name) !== watched) return;
      watched.stats = stats;
      this.changed = true;
      spoken();
    }
  }

  remove(name: string, only = this.#watched.get(name)): void {
    if (only === undefined || this.#watched.get(name) !== only) return;
    this.#watched.delete(name);
    this.changed = true;
  }

  /** Those that run, or all there are, from now on. */
  async addAll(stopped: boolean): Promise<void> {
    const actions = stopped ? ["create", "destroy"] : ["start", "die"];
    const filters = { type: ["container"], event: actions };
    this.#listen(this.#api.lines("events", { query: { filters } }), actions[0] ?? "");
    const list = await this.#api.document("containerList", { query: { all: stopped } });
    for (const { Id } of list) this.add(Id, true);
  }

  #listen(
    events: AsyncIterable<{ readonly Action: string; readonly Actor: { readonly ID: string } }>,
    begins: string,
  ) {
    const listen = async (): Promise<void> => {
      for await (const { Action, Actor } of events) {
        if (Action === begins) this.add(Actor.ID, true);
        else this.remove(Actor.ID);
      }
    };
    listen().catch((thrown: unknown) => {
      this.#failure ??= { thrown };
    });
  }
}
