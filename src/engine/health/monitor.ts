/**
 * Asks running containers for their health. It follows the engine's events, so nothing of starts and ends has to know of it:
 * a run is watched from its start to its end, with a gap while it is paused, and at most one check of a container is under
 * way at any time. Between two checks there is one timer and nothing else.
 */
import { monotonicMs, nowMs } from "../../lib/clock.ts";
import type { Timer } from "../../lib/timer.ts";
import {
  type Container,
  type Health,
  type HealthSpecification,
  isAlive,
  tellEvent,
} from "../container/mod.ts";
import type { EngineEvent } from "../event/mod.ts";
import type { HealthContext } from "./context.ts";
import {
  afterProbe,
  atStart,
  type HealthSettings,
  pauseBeforeProbe,
  settingsOf,
  whileNobodyAsks,
} from "./decide.ts";
import { probeByExec } from "./exec-probe.ts";
import { probeNatively } from "./native-probe.ts";
import { isNative, type ProbeAnswer } from "./probe-answer.ts";

/** A container that is being asked, from its start or its unpausing on. */
interface Watch {
  readonly container: Container;
  readonly settings: HealthSettings;
  readonly test: HealthSpecification["test"];
  readonly health: HealthSpecification;
  readonly ending: AbortController;
  timer: Timer | undefined;
}

export class HealthMonitor implements Disposable {
  readonly #context: HealthContext;
  readonly #subscription: Disposable;
  readonly #watches = new Map<string, Watch>();
  /** Checks that have not come to their end, of watches that may have: those of a paused container end after it goes on. */
  readonly #underWay = new Map<string, Promise<void>>();

  constructor(context: HealthContext) {
    this.#context = context;
    this.#subscription = context.events.subscribe((event) => this.#hear(event));
  }

  /** Begins with the containers that another engine has left running. */
  adoptAll(): void {
    for (const container of this.#context.registry.all()) {
      if (isAlive(container.state) && container.health === undefined) this.#begin(container);
    }
  }

  [Symbol.dispose](): void {
    this.#subscription[Symbol.dispose]();
    for (const id of [...this.#watches.keys()]) this.#leave(id);
  }

  #hear({ type, action, id }: EngineEvent): void {
    if (type !== "container") return;
    const container = this.#context.registry.byId(id);
    switch (action) {
      case "start":
        if (container !== undefined) this.#begin(container);
        return;
      case "update":
        if (container !== undefined) this.#adapt(container);
        return;
      case "unpause":
        if (container !== undefined) this.#watch(container);
        return;
      case "pause":
      case "die":
        this.#leave(id);
        return;
    }
  }

  #begin(container: Container): void {
    this.#leave(container.id);
    if (container.document.specification.health === null) return;
    container.health = atStart(container.health);
    if (container.state.status === "running") this.#watch(container);
  }

  /** Another check of health begins at once, as at a start; whoever had none has one now, and the reverse. */
  #adapt(container: Container): void {
    const { health } = container.document.specification;
    const watch = this.#watches.get(container.id);
    if (!isAlive(container.state) || JSON.stringify(health) === JSON.stringify(watch?.health ?? null)) return;
    this.#leave(container.id);
    container.health = undefined;
    this.#begin(container);
  }

  #watch(container: Container): void {
    const { health } = container.document.specification;
    if (health === null || container.health === undefined || this.#watches.has(container.id)) return;
    const watch: Watch = {
      container,
      settings: settingsOf(health),
      test: health.test,
      health,
      ending: new AbortController(),
      timer: undefined,
    };
    this.#watches.set(container.id, watch);
    this.#schedule(watch, container.health);
  }

  #leave(id: string): void {
    const watch = this.#watches.get(id);
    if (watch === undefined) return;
    this.#watches.delete(id);
    watch.timer?.cancel();
    watch.ending.abort();
    const { container } = watch;
    if (container.health !== undefined) container.health = whileNobodyAsks(container.health);
  }

  #schedule(watch: Watch, health: Health): void {
    const pauseMs = pauseBeforeProbe(health, watch.settings, ranMs(watch.container, nowMs()));
    watch.timer = this.#context.timers.after(pauseMs, () => {
      this.#ask(watch).catch(this.#context.report);
    });
  }

  async #ask(watch: Watch): Promise<void> {
    const { id } = watch.container;
    await this.#underWay.get(id);
    if (watch.ending.signal.aborted) return;
    const asked = this.#probe(watch);
    this.#underWay.set(id, asked);
    try {
      await asked;
    } catch (thrown) {
      // What could not be asked says nothing, and is no reason to ask no more.
      const { health } = watch.container;
      if (!watch.ending.signal.aborted && health !== undefined) this.#schedule(watch, health);
      throw thrown;
    } finally {
      if (this.#underWay.get(id) === asked) this.#underWay.delete(id);
    }
  }

  #answer({ container, settings, test, ending }: Watch): Promise<ProbeAnswer> {
    if (isNative(test)) return probeNatively(container, test, settings.timeoutMs, ending.signal);
    return probeByExec(this.#context, container, test, settings.timeoutMs, ending.signal);
  }

  async #probe(watch: Watch): Promise<void> {
    const { container, settings, ending } = watch;
    const startedAtMs = nowMs();
    const began = monotonicMs();
    const answer = await this.#answer(watch);
    this.#context.fail("health.answered");
    const { health, state } = container;
    // A pause or its end has overtaken the answer, which says nothing then.
    if (ending.signal.aborted || health === undefined || !isAlive(state)) return;
    const finishedAtMs = startedAtMs + (monotonicMs() - began);
    const result = { startedAtMs, finishedAtMs, ...answer };
    const next = afterProbe(health, result, settings, ranMs(container, startedAtMs));
    container.health = next;
    if (next.status !== health.status) {
      tellEvent(this.#context, container, `health_status: ${next.status}`);
      if (next.status === "unhealthy") this.#context.unhealthy(container).catch(this.#context.report);
    }
    if (!ending.signal.aborted) this.#schedule(watch, next);
  }
}

function ranMs({ state }: Container, atMs: number): number {
  return isAlive(state) ? atMs - state.startedAtMs : 0;
}
