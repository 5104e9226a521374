/** The engine about itself: version and info in Docker's shapes. */
import { readFileSync } from "node:fs";
import { asDockerVersion, newestVersion, oldestVersion } from "../../docker/api-version.ts";
import type { DiskUsage } from "../../docker/types/disk-usage.ts";
import type { InfoResponse, VersionResponse } from "../../docker/types/system.ts";
import { nowMs } from "../../lib/clock.ts";
import { type EngineConfig, ownRuntime } from "../config.ts";
import { type ContainerContext, defaultLogDriver, isAlive, logDrivers } from "../container/mod.ts";
import { networkDrivers } from "../network/mod.ts";
import { foreignRuntimes } from "../runtimes.ts";
import { MetricsService } from "./metrics-service.ts";
import { indexServer, registryConfig } from "./registry-config.ts";

const architectures = { x86_64: "amd64", aarch64: "arm64" } as const;

/** What is counted and told. */
export interface SystemContext
  extends Pick<
    ContainerContext,
    "config" | "facts" | "images" | "networks" | "registry" | "telemetry" | "volumes"
  > {}

export class SystemService {
  readonly #context: SystemContext;
  readonly #version: string;
  readonly #metrics: MetricsService;
  /** Read once: it is asked for again and again. */
  readonly #osVersion = osVersion();
  readonly diskUsage: (types: readonly string[]) => Promise<DiskUsage>;

  constructor(
    context: SystemContext,
    version: string,
    diskUsage: (types: readonly string[]) => Promise<DiskUsage>,
  ) {
    this.#context = context;
    this.#version = version;
    this.diskUsage = diskUsage;
    this.#metrics = new MetricsService(context, version);
  }

  /** Counters and gauges, in the first of these media types that is spoken here. */
  metrics(accepted: readonly string[]): { readonly text: string; readonly mediaType: string } {
    return this.#metrics.metrics(accepted);
  }

  async ping(): Promise<void> {
    // Answers as long as the process does.
  }

  async version(): Promise<VersionResponse> {
    const { kernel } = this.#context.facts;
    const arch = architectures[kernel.machine];
    const details = {
      ApiVersion: newestVersion,
      MinAPIVersion: oldestVersion,
      Os: "linux",
      Arch: arch,
      KernelVersion: kernel.release,
      GitCommit: "",
      GoVersion: "",
      BuildTime: "",
      Experimental: "false",
    };
    return {
      Platform: { Name: "Tiffin" },
      Components: [{ Name: "Engine", Version: this.#version, Details: details }],
      Version: asDockerVersion(this.#version),
      ApiVersion: newestVersion,
      MinAPIVersion: oldestVersion,
      GitCommit: "",
      GoVersion: "",
      Os: "linux",
      Arch: arch,
      KernelVersion: kernel.release,
      BuildTime: "",
    };
  }

  async info(): Promise<InfoResponse> {
    const { facts, registry, images, networks, config } = this.#context;
    const { kernel, hardware, cgroup } = facts;
    const counts = { running: 0, paused: 0 };
    for (const { state } of registry.all()) {
      if (state.status === "paused") counts.paused += 1;
      else if (isAlive(state)) counts.running += 1;
    }
    const controllers = new Set([
      ...cgroup.v1.flatMap((hierarchy) => hierarchy.controllers),
      ...(cgroup.mode === "v2" ? (cgroup.v2?.controllers ?? []) : []),
    ]);
    const commit = { ID: "" };
    return {
      ID: `${facts.hostname}-${config.tag || "default"}`,
      Containers: registry.size,
      ContainersRunning: counts.running,
      ContainersPaused: counts.paused,
      ContainersStopped: registry.size - counts.running - counts.paused,
      Images: images.size,
      Driver: "overlay2",
      DriverStatus: [
        ["Backing Filesystem", "overlayfs"],
        ["Native Overlay Diff", "true"],
      ],
      Plugins: {
        Volume: ["local"],
        Network: networkDrivers,
        Authorization: null,
        Log: logDrivers,
      },
      MemoryLimit: controllers.has("memory"),
      SwapLimit: cgroup.swapAccounting,
      CpuCfsPeriod: controllers.has("cpu"),
      CpuCfsQuota: controllers.has("cpu"),
      CPUShares: controllers.has("cpu"),
      CPUSet: controllers.has("cpuset"),
      PidsLimit: controllers.has("pids"),
      IPv4Forwarding: true,
      Debug: false,
      NFd: 0,
      OomKillDisable: cgroup.mode !== "v2",
      NGoroutines: 0,
      SystemTime: new Date(nowMs()).toISOString(),
      LoggingDriver: defaultLogDriver,
      CgroupDriver: "cgroupfs",
      CgroupVersion: cgroup.mode === "v2" ? "2" : "1",
      NEventsListener: 0,
      KernelVersion: kernel.release,
      OperatingSystem: facts.operatingSystem,
      OSVersion: this.#osVersion,
      OSType: "linux",
      Architecture: kernel.machine,
      IndexServerAddress: indexServer,
      RegistryConfig: registryConfig(config.insecureRegistries, config.registryMirrors),
      NCPU: hardware.cpus,
      MemTotal: hardware.memoryBytes,
      GenericResources: null,
      DockerRootDir: config.root,
      HttpProxy: "",
      HttpsProxy: "",
      NoProxy: "",
      Name: facts.hostname,
      Labels: [],
      ExperimentalBuild: false,
      ServerVersion: asDockerVersion(this.#version),
      Runtimes: runtimesOf(config),
      DefaultRuntime: config.defaultRuntime,
      Swarm: {
        NodeID: "",
        NodeAddr: "",
        LocalNodeState: "inactive",
        ControlAvailable: false,
        Error: "",
        RemoteManagers: null,
      },
      LiveRestoreEnabled: true,
      Isolation: "",
      InitBinary: "tiffin-executor",
      ContainerdCommit: commit,
      RuncCommit: commit,
      InitCommit: commit,
      SecurityOptions: facts.features.seccompFilter
        ? ["name=seccomp,profile=builtin", ...(facts.features.cgroupNamespace ? ["name=cgroupns"] : [])]
        : [],
      FirewallBackend: { Driver: "nftables" },
      CDISpecDirs: [],
      Warnings: networks.warnings.length > 0 ? [...networks.warnings] : null,
    };
  }
}

function runtimesOf(config: EngineConfig): InfoResponse["Runtimes"] {
  const foreign = Object.entries(foreignRuntimes(config)).map(
    ([name, { path, arguments: words }]) =>
      [name, { path, ...(words.length > 0 && { runtimeArgs: words }) }] as const,
  );
  return { [ownRuntime]: { path: "tiffin-executor" }, ...Object.fromEntries(foreign) };
}

function osVersion(): string {
  try {
    return /^VERSION_ID="?([^"\n]*)/m.exec(readFileSync("/etc/os-release", "utf8"))?.[1] ?? "";
  } catch {
    return "";
  }
}
