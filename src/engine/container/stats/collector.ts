/**
 * Statistics for whoever asks, read once a second and once a container however many ask. Nothing is read for a container that
 * nobody asks about.
 */
import type { ContainerStats } from "../../../docker/types/stats.ts";
import { readSystemCpuNs } from "../../../kernel/cgroup-statistics.ts";
import type { Timer } from "../../../lib/timer.ts";
import type { Container } from "../record/mod.ts";
import type { StatsContext } from "./context.ts";
import { LinkReader, type Sample, takeSample } from "./sample.ts";
import { emptyStats, type Machine, statsDocument } from "./stats-document.ts";

export interface StatsOptions {
  readonly stream: boolean;
  readonly oneShot: boolean;
}

const intervalMs = 1000;

interface Followed {
  readonly container: Container;
  readonly listeners: Set<(document: ContainerStats, compared: boolean) => void>;
  last: Sample | undefined;
  /** For the run that is under way: its namespace would outlive it. */
  links: { readonly process: Container["process"]; readonly reader: LinkReader | undefined } | undefined;
}

function letGo(followed: Followed): void {
  followed.links?.reader?.[Symbol.dispose]();
  followed.links = undefined;
}

export class StatsCollector {
  readonly #context: StatsContext;
  readonly #followed = new Map<Container, Followed>();
  #timer: Timer | undefined;

  constructor(context: StatsContext) {
    this.#context = context;
  }

  /** Ends with the one document, or when the container is removed, or by `abort`. */
  async *follow(
    container: Container,
    { stream, oneShot }: StatsOptions,
    abort: AbortSignal,
  ): AsyncGenerator<ContainerStats> {
    const box = new LatestBox();
    const end = (): void => box.end();
    const listen = (document: ContainerStats, compared: boolean): void => {
      // Processor time says nothing without an earlier moment, so who wants one document waits for the second.
      if (stream || oneShot || compared) box.put(document);
    };
    container.removals.add(end);
    abort.addEventListener("abort", end);
    try {
      if (abort.aborted) return;
      if (oneShot) this.#once(container, listen);
      else this.#add(container, listen);
      for await (const document of box.documents()) {
        yield document;
        if (!stream) return;
      }
    } finally {
      this.#leave(container, listen);
      container.removals.delete(end);
      abort.removeEventListener("abort", end);
    }
  }

  #once(container: Container, listen: (document: ContainerStats, compared: boolean) => void): void {
    const followed: Followed = { container, listeners: new Set([listen]), last: undefined, links: undefined };
    this.#tell(followed, readSystemCpuNs());
    letGo(followed);
  }

  #add(container: Container, listen: (document: ContainerStats, compared: boolean) => void): void {
    const known = this.#followed.get(container);
    if (known !== undefined) {
      known.listeners.add(listen);
      return;
    }
    const followed: Followed = { container, listeners: new Set([listen]), last: undefined, links: undefined };
    this.#followed.set(container, followed);
    this.#tell(followed, readSystemCpuNs());
    this.#timer ??= this.#context.timers.after(intervalMs, () => this.#tick());
  }

  #leave(container: Container, listen: (document: ContainerStats, compared: boolean) => void): void {
    const followed = this.#followed.get(container);
    followed?.listeners.delete(listen);
    if (followed?.listeners.size === 0) {
      this.#followed.delete(container);
      letGo(followed);
    }
    if (this.#followed.size > 0) return;
    this.#timer?.cancel();
    this.#timer = undefined;
  }

  #tick(): void {
    this.#timer = this.#context.timers.after(intervalMs, () => this.#tick());
    // Once for all of them: it is the machine's.
    const systemNs = readSystemCpuNs();
    for (const followed of [...this.#followed.values()]) this.#tell(followed, systemNs);
  }

  #tell(followed: Followed, systemNs: number): void {
    const { container, listeners, last } = followed;
    const sample = this.#sample(followed, systemNs);
    followed.last = sample;
    const before = last?.runStartedMs === sample?.runStartedMs ? last : undefined;
    const document =
      sample === undefined
        ? emptyStats(container.id, container.name)
        : statsDocument(container, sample, before, this.#machine());
    // Of one that does not run there is nothing to wait for.
    const compared = sample === undefined || before !== undefined;
    for (const listen of [...listeners]) listen(document, compared);
  }

  #sample(followed: Followed, systemNs: number): Sample | undefined {
    const { container } = followed;
    try {
      const { process } = container;
      if (followed.links?.process !== process) {
        letGo(followed);
        followed.links = { process, reader: LinkReader.of(container) };
      }
      return takeSample(this.#context, container, followed.links?.reader, systemNs);
    } catch (thrown) {
      if (container.process?.main?.leaving === false) this.#context.report(thrown);
      return undefined;
    }
  }

  #machine(): Machine {
    const { hardware, cgroup } = this.#context.facts;
    const cgroupVersion = cgroup.mode === "v2" ? 2 : 1;
    return { cpus: hardware.cpus, memoryBytes: hardware.memoryBytes, cgroupVersion };
  }
}

/** The newest document that a client has not taken yet: one that is slow misses some, and holds no memory. */
class LatestBox {
  #latest: ContainerStats | undefined;
  #ended = false;
  #wake: (() => void) | undefined;

  put(document: ContainerStats): void {
    this.#latest = document;
    this.#wake?.();
  }

  end(): void {
    this.#ended = true;
    this.#wake?.();
  }

  async *documents(): AsyncGenerator<ContainerStats> {
    for (;;) {
      const document = this.#latest;
      this.#latest = undefined;
      if (document !== undefined) yield document;
      else if (this.#ended) return;
      else {
        const { promise, resolve } = Promise.withResolvers<void>();
        this.#wake = resolve;
        await promise;
      }
    }
  }
}
