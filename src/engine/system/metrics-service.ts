/** `GET /metrics`: what is counted, and what there is at the moment. What it costs is one walk over what the engine keeps in memory. */
import { readdirSync, readFileSync } from "node:fs";
import { type ContainerContext, isAlive } from "../container/mod.ts";
import { type Family, metricsMediaTypes, renderMetrics } from "../telemetry/mod.ts";

export interface MetricsContext
  extends Pick<ContainerContext, "facts" | "images" | "networks" | "registry" | "telemetry" | "volumes"> {}

const machineWords = { x86_64: "amd64", aarch64: "arm64" } as const;
const ticksPerSecond = 100;
const bytesPerPage = 4096;

export class MetricsService {
  readonly #context: MetricsContext;
  readonly #version: string;
  readonly #startedSeconds = Math.floor(performance.timeOrigin / 1000);

  constructor(context: MetricsContext, version: string) {
    this.#context = context;
    this.#version = version;
  }

  /** In the first of these media types that is spoken here, else in Prometheus' older one. */
  metrics(accepted: readonly string[]): { readonly text: string; readonly mediaType: string } {
    const wanted = accepted.find((type) =>
      /^(?:application\/openmetrics-text|text\/plain|\*\/\*)$/.test(type),
    );
    const format = wanted === "application/openmetrics-text" ? "openmetrics" : "prometheus";
    return { text: renderMetrics(this.#families(), format), mediaType: metricsMediaTypes[format] };
  }

  #families(): Family[] {
    return [...this.#engine(), ...this.#objects(), ...this.#context.telemetry.families(), ...this.#process()];
  }

  #engine(): Family[] {
    const { facts } = this.#context;
    const { kernel, hardware, operatingSystem } = facts;
    const labels = {
      version: this.#version,
      architecture: machineWords[kernel.machine],
      kernel: kernel.release,
      os: operatingSystem,
      os_type: "linux",
    };
    return [
      {
        kind: "info",
        name: "engine_daemon_engine",
        help: "The engine and the machine that it runs on",
        samples: [[labels, 1]],
      },
      gauge("engine_daemon_engine_cpus_cpus", "Processors of the machine", hardware.cpus),
      gauge("engine_daemon_engine_memory_bytes", "Memory of the machine", hardware.memoryBytes),
    ];
  }

  #objects(): Family[] {
    const { registry, images, networks, volumes } = this.#context;
    const states = { paused: 0, running: 0, stopped: 0 };
    for (const { state } of registry.all())
      states[state.status === "paused" ? "paused" : isAlive(state) ? "running" : "stopped"] += 1;
    const drivers = new Map<string, number>();
    for (const { driver } of networks.all()) drivers.set(driver, (drivers.get(driver) ?? 0) + 1);
    return [
      {
        kind: "gauge",
        name: "engine_daemon_container_states_containers",
        help: "Containers by what they do",
        samples: Object.entries(states).map(([state, count]) => [{ state }, count] as const),
      },
      {
        kind: "gauge",
        name: "tiffin_networks",
        help: "Networks by their drivers",
        samples: [...drivers].map(([driver, count]) => [{ driver }, count] as const),
      },
      gauge("tiffin_images", "Images", images.size),
      gauge("tiffin_volumes", "Volumes", volumes.all().length),
    ];
  }

  #process(): Family[] {
    // `utime` and `stime` are the 14th and 15th; the second, a name in parentheses, may have blanks in it.
    const fields = readFileSync("/proc/self/stat", "utf8")
      .replace(/^.*\) /s, "")
      .split(" ");
    const ticks = Number(fields[11]) + Number(fields[12]);
    const pages = Number(readFileSync("/proc/self/statm", "utf8").split(" ")[1]);
    return [
      {
        kind: "counter",
        name: "process_cpu_seconds",
        help: "Processor time of the engine",
        samples: [[{}, ticks / ticksPerSecond]],
      },
      gauge("process_resident_memory_bytes", "Memory of the engine", pages * bytesPerPage),
      gauge("process_open_fds", "Open descriptors of the engine", readdirSync("/proc/self/fd").length),
      gauge("process_start_time_seconds", "When the engine started, since 1970", this.#startedSeconds),
    ];
  }
}

function gauge(name: string, help: string, value: number): Family {
  return { kind: "gauge", name, help, samples: [[{}, value]] };
}
