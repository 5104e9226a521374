/**
 * The engine: everything that has a name (containers, images, networks, volumes) behind a few services. Opening it
 * brings state and host to agree; closing it lets go of what runs without touching it.
 */
import { rmdirSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";
import { prepareCgroupParent, removeCgroup } from "../kernel/cgroup.ts";
import { openFlags } from "../kernel/files.ts";
import { fileSystemOf } from "../kernel/mount-attributes.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { probe } from "../kernel/probe.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { within } from "../lib/timer.ts";
import type { HostFacts } from "../linux/host-facts.ts";
import { platformOfMachine } from "../oci/mod.ts";
import { PlanMemory } from "../plan/mod.ts";
import { openRuntime } from "../runtime/mod.ts";
import { BuildService, ContentMemory, DirectoryMemory, KeptContexts, StepCache } from "./build/mod.ts";
import { BuildKitService } from "./buildkit/mod.ts";
import { cgroupParentOf, type EngineConfig, enginePaths, type LiveSettings, liveSettings } from "./config.ts";
import {
  type ContainerContext,
  ContainerNames,
  ContainerRegistry,
  ContainerService,
  type ContainerState,
  connectContainer,
  containerRepository,
  Deliveries,
  disconnectContainer,
  endForPowerOff,
  failpointHook,
  isAlive,
  membersOf,
  pauseBeforeNext,
  powerOffSeconds,
  RowFiles,
  reachContext,
  recoverContainers,
  restartUnhealthy,
  seccompCompiler,
  startLater,
  userCache,
} from "./container/mod.ts";
import { diskUsage } from "./disk-usage.ts";
import { EventBus, EventService } from "./event/mod.ts";
import { ExecService } from "./exec/mod.ts";
import { HealthMonitor } from "./health/mod.ts";
import { afterReplyMs, idleWork } from "./idle-work.ts";
import { ImageService, openImageStore } from "./image/mod.ts";
import { decideLayerForm, openOverlayLayerStore } from "./layer/mod.ts";
import { hasNameServer, NameServers, NetworkService, type Networks, openNetworks } from "./network/mod.ts";
import { ReachService } from "./reach/mod.ts";
import { hostPlaces, openRegistryClient } from "./registry/mod.ts";
import { requireHost } from "./requirements.ts";
import { lockDirectory, makeOwnDirectory, openStore, type StateStore } from "./store/mod.ts";
import { SystemService } from "./system/mod.ts";
import { SpanExporter, Telemetry } from "./telemetry/mod.ts";
import { openTimers } from "./timers.ts";
import { openVolumeStore, VolumeService } from "./volume/mod.ts";

export type { EngineConfig } from "./config.ts";
export { engineConfig } from "./config.ts";

export interface EngineOptions {
  /** The static executor: its bytes, or the path of the binary. */
  readonly executor: Uint8Array | string;
  readonly version: string;
  /** What is known about the machine; probed when absent. */
  readonly facts?: HostFacts;
  /** Value of TIFFIN_FAILPOINT; absent: the environment's. */
  readonly failpoint?: string;
  /** Hears of failures that no client waits for; absent: one line each on stderr. */
  readonly report?: (thrown: unknown) => void;
}

export interface Engine {
  readonly containers: ContainerService;
  readonly execs: ExecService;
  readonly images: ImageService;
  readonly builds: BuildService;
  readonly buildkit: BuildKitService;
  readonly volumes: VolumeService;
  readonly networks: NetworkService;
  readonly system: SystemService;
  readonly reach: ReachService;
  readonly events: EventService;
  readonly facts: HostFacts;
  /** Takes over what can change while it is open; what is under way goes on as it began. */
  adopt(settings: LiveSettings): void;
  /** Seconds that the containers which run may take to end, at most. */
  longestGraceSeconds(): number;
  /** The machine goes down: ends all containers as a stop does, for their policies to bring back at the next start. */
  endForPowerOff(): Promise<void>;
  /** Lets go of everything; containers keep running for the next engine. */
  close(): Promise<void>;
  /** Closes, and takes bridge, rules and cgroups off the host. Errors: `conflict` while containers run. */
  uninstall(): Promise<void>;
}

/** Executors, network namespaces and directories kept ready for the next start. */
/** What steps of builds that are remembered may take. */
const defaultCacheBytes = 10 * 1024 ** 3;
const warmExecutors = 2;
const warmDirectories = 2;
const checkpointDelayMs = 2000;
/** How long an engine that ends deletes what was removed; the next one deletes the rest. */
const emptyingLimitMs = 1000;

function reportToStderr(thrown: unknown): void {
  writeSync(2, `tiffin: ${messageOf(thrown)}\n`);
}

/** Opens the engine. Errors: `engine.rights`, `engine.no-cgroups`, `store.locked`, `store.foreign`, `store.newer-version`, and what the host refuses. */
export async function openEngine(config: EngineConfig, options: EngineOptions): Promise<Engine> {
  const report = options.report ?? reportToStderr;
  const facts = options.facts ?? probe();
  requireHost(facts);
  const paths = enginePaths(config);
  const store = openStore(config.root, report);
  let runLock: OwnedFd | undefined;
  try {
    makeOwnDirectory(config.run, "--run");
    runLock = lockDirectory(`${config.run}/lock`, "this run directory");
    return await openWith({ ...config }, options, { store, runLock, facts }, paths, report);
  } catch (thrown) {
    runLock?.[Symbol.dispose]();
    store[Symbol.dispose]();
    throw thrown;
  }
}

/** The host, and what keeps other engines out as long as this one is open. */
interface Held {
  readonly facts: HostFacts;
  readonly store: StateStore;
  readonly runLock: OwnedFd;
}

async function openWith(
  config: EngineConfig,
  options: EngineOptions,
  { facts, store, runLock }: Held,
  paths: ReturnType<typeof enginePaths>,
  report: (thrown: unknown) => void,
): Promise<Engine> {
  prepareCgroupParent(facts.cgroup, cgroupParentOf(config.tag));
  const { database, writes } = store;
  const layers = openOverlayLayerStore({
    root: config.root,
    form: decideLayerForm(facts, fileSystemOf(config.root)),
    limitHoleBytes: config.limitUnpackedBytes,
    report,
  });
  const rowFiles = new RowFiles((id) => paths.container(id).directory, report);
  let goesDown = false;
  const running = () => [...registry.all()].filter(({ state }) => hasProcess(state));
  let names: ContainerNames | undefined;
  let namesWithin: NameServers | undefined;
  const registry = new ContainerRegistry(containerRepository(database), {
    writes,
    changed: (container) => {
      rowFiles.note(container);
      names?.changed();
    },
    dropped: (container) => rowFiles.forget(container),
    report,
  });
  const fail = failpointHook(options.failpoint ?? process.env["TIFFIN_FAILPOINT"]);
  const images = openImageStore({
    database,
    layers,
    writes,
    fail,
    *containerChains() {
      for (const { document } of registry.all()) {
        yield document.image.chain;
        for (const mount of document.specification.mounts) {
          if (mount.kind === "image" && mount.chain !== undefined) yield mount.chain;
        }
      }
    },
  });
  const networks = await openNetworks({
    tag: config.tag,
    db: database,
    writes,
    publishMode: config.publishMode,
    openWithin: config.openWithin,
    pools: config.addressPools,
    serveNames: (containerId, sockets) => {
      if (namesWithin === undefined) throw new Error("no container starts before there are name servers");
      return namesWithin.openWithin(containerId, sockets);
    },
    netnsOf: (containerId) => registry.byId(containerId)?.process?.main?.open("ns/net", openFlags.readOnly),
    report,
    fail,
  });
  const runtime = openRuntime({ executor: options.executor, runDirectory: config.run });
  const events = new EventBus(report);
  const telemetry = openTelemetry(config, options.version, facts, events, report);
  const timers = openTimers();
  const deliveries = new Deliveries(report);
  const volumes = openVolumeStore({ database, root: paths.volumes, writes, report, fail });
  const checkpoints = idleWork(() => store.checkpoint(), report);
  const idle = idleWork(() => {
    runtime.warm(warmExecutors);
    layers.warm(warmDirectories);
    networks.warm();
    checkpoints.within(checkpointDelayMs);
  }, report);
  const context: ContainerContext = {
    config,
    paths,
    facts,
    store,
    registry,
    images,
    layers,
    volumes,
    networks,
    runtime,
    events,
    telemetry,
    seccomp: seccompCompiler(facts, paths.cache),
    users: userCache(layers),
    plans: new PlanMemory(facts),
    idle,
    timers,
    deliveries,
    fail,
    pauseBeforeNext,
    startLater(container, pauseMs) {
      // The next engine starts it.
      if (!goesDown) startLater(context, container, pauseMs);
    },
    report,
  };
  const containerNames = new ContainerNames(registry, networks);
  names = containerNames;
  const nameServers = new NameServers({
    askerOf: (network, address) => containerNames.askerOf(network, address),
    askerIn: (containerId) => containerNames.askerIn(containerId),
    generation: () => containerNames.generation,
    placed: (id, port) => networks.placeNameServer(id, port),
    report,
  });
  namesWithin = nameServers;
  await Promise.all(
    networks.all().map(async (network) => {
      if (hasNameServer(network)) await nameServers.open(network);
    }),
  );
  const execs = new ExecService(context);
  const health = new HealthMonitor({
    ...context,
    execs,
    unhealthy: (container) => restartUnhealthy(context, container),
  });
  await recoverContainers(context);
  health.adoptAll();
  idle.within(afterReplyMs);
  let buildkitOf: BuildKitService | undefined;
  const letGo = (): void => {
    buildkitOf?.[Symbol.dispose]();
    idle[Symbol.dispose]();
    nameServers[Symbol.dispose]();
    health[Symbol.dispose]();
    checkpoints[Symbol.dispose]();
    timers[Symbol.dispose]();
    deliveries[Symbol.dispose]();
    for (const container of context.registry.all()) container.process?.disconnect();
    rowFiles[Symbol.dispose]();
    runtime.close();
    layers.close();
    volumes.close();
  };
  const usersOfVolume = (name: string): string[] =>
    [...registry.all()]
      .filter(({ document }) =>
        document.specification.mounts.some((mount) => mount.kind === "volume" && mount.volume === name),
      )
      .map(({ id }) => id);
  const registryClient = openRegistryClient({
    userAgent: `tiffin/${options.version}`,
    stagingDirectory: `${config.root}/staging`,
    environment: process.env,
    ...hostPlaces,
    get insecureRegistries() {
      return config.insecureRegistries;
    },
    get mirrors() {
      return config.registryMirrors;
    },
    limits: { unpackedLayerBytes: config.limitUnpackedBytes },
  });
  const imageService = new ImageService({
    registry: registryClient,
    images,
    layers,
    events,
    host: platformOfMachine(facts.kernel.machine),
    limitBytes: config.limitUnpackedBytes,
    fail,
    usersOf: (imageId) =>
      [...registry.all()]
        .filter(
          ({ document }) =>
            document.image.id === imageId ||
            document.specification.mounts.some((mount) => mount.kind === "image" && mount.id === imageId),
        )
        .map(({ id, state }) => ({ id, running: isAlive(state) })),
  });
  const volumeService = new VolumeService({ volumes, events, report, usersOf: usersOfVolume });
  const containers = new ContainerService(context);
  const builds = new BuildService({
    directory: paths.builds,
    contents: new ContentMemory(),
    directories: new DirectoryMemory(),
    contexts: new KeptContexts(paths.contexts, facts.kernel.bootId, report),
    secrets: `${config.run}/builds`,
    cacheMounts: `${paths.builds}-cache`,
    limitCacheBytes: defaultCacheBytes,
    registry: registryClient,
    containers,
    images,
    imageService,
    layers,
    events,
    telemetry,
    cache: new StepCache(database, writes),
    host: platformOfMachine(facts.kernel.machine),
    limitBytes: config.limitUnpackedBytes,
    report,
  });
  await builds.settle();
  const buildkit = new BuildKitService({
    builds,
    images: {
      ids: () => new Set(images.list().map(({ id }) => id)),
      async removeUnnamed(id) {
        if (images.byId(id) === undefined || images.references(id).length > 0) return;
        try {
          await imageService.remove(id, { force: false, keepParents: true });
        } catch (thrown) {
          // A container has it, or somebody was faster.
          if (!(thrown instanceof TiffinError)) throw thrown;
        }
      },
    },
    limitBytes: config.limitUnpackedBytes,
    directory: paths.handovers,
    version: options.version,
    host: platformOfMachine(facts.kernel.machine),
    hostGateway: () => defaultGateway(networks),
  });
  buildkitOf = buildkit;
  const usage = (types: readonly string[]) =>
    diskUsage(
      {
        images: imageService,
        imageStore: images,
        layers,
        containers,
        volumes: volumeService,
        volumeStore: volumes,
        usersOfVolume,
        builds,
      },
      types,
    );
  return {
    containers,
    execs,
    networks: new NetworkService({
      networks,
      events,
      nameServers,
      membersOf: (network) => membersOf(context, network),
      connect: (name, network, settings) =>
        connectContainer(context, context.registry.resolve(name), network, settings),
      disconnect: (name, network, force) =>
        disconnectContainer(context, context.registry.resolve(name), network, force),
    }),
    images: imageService,
    builds,
    buildkit,
    volumes: volumeService,
    system: new SystemService(context, options.version, usage),
    reach: new ReachService(reachContext(context)),
    events: new EventService(events, timers),
    facts,
    adopt(settings) {
      // Whoever needs one of these asks the configuration each time.
      Object.assign(config, Object.fromEntries(liveSettings.map((name) => [name, settings[name]])));
    },
    longestGraceSeconds() {
      return Math.max(0, ...running().map(powerOffSeconds));
    },
    async endForPowerOff() {
      goesDown = true;
      const ends = running().map((container) => endForPowerOff(context, container));
      for (const end of await Promise.allSettled(ends)) if (end.status === "rejected") report(end.reason);
    },
    async close() {
      // As long as a container runs it needs all of it; the last engine leaves the host as the first found it.
      const isLast = ![...context.registry.all()].some(({ state }) => hasProcess(state));
      if (isLast) await within(Promise.all([layers.emptied(), volumes.emptied()]), emptyingLimitMs);
      letGo();
      await telemetry[Symbol.asyncDispose]();
      if (isLast)
        await leaveHost(networks, () => removeCgroup(facts.cgroup, cgroupParentOf(config.tag)), report);
      else await networks.close();
      store[Symbol.dispose]();
      runLock[Symbol.dispose]();
    },
    async uninstall() {
      refuseWhileRunning(context);
      letGo();
      await telemetry[Symbol.asyncDispose]();
      await networks.remove();
      await removeCgroup(facts.cgroup, cgroupParentOf(config.tag));
      store[Symbol.dispose]();
      runLock[Symbol.dispose]();
      removeRunDirectory(config.run);
    },
  };
}

/** What is counted, and with a collector in the configuration also traced. */
function openTelemetry(
  { otlpEndpoint }: EngineConfig,
  version: string,
  { hostname, kernel }: HostFacts,
  events: EventBus,
  report: (thrown: unknown) => void,
): Telemetry {
  const resource = {
    "service.name": "tiffin",
    "service.version": version,
    "host.name": hostname,
    "os.type": "linux",
    "os.version": kernel.release,
  };
  const exporter =
    otlpEndpoint === "" ? undefined : new SpanExporter({ endpoint: otlpEndpoint, resource, report });
  return new Telemetry(events, exporter);
}

/** Where containers of the default network reach the host. */
function defaultGateway(networks: Networks): string | undefined {
  const gateway = networks.all().find(({ name }) => name === "bridge")?.gateway;
  return gateway === "" ? undefined : gateway;
}

/** Its own files; anything else that somebody keeps there stays, and the directory with it. */
function removeRunDirectory(directory: string): void {
  for (const name of ["s", "builds", "lock", "engine.log"]) {
    rmSync(join(directory, name), { recursive: true, force: true });
  }
  try {
    rmdirSync(directory);
  } catch {
    // Not empty.
  }
}

function hasProcess(state: ContainerState): boolean {
  return isAlive(state) || state.status === "starting";
}

/** What cannot be taken away now is no reason not to end: the next engine finds it, and `--uninstall` does. */
async function leaveHost(
  networks: Networks,
  removeGroups: () => Promise<void>,
  report: (thrown: unknown) => void,
): Promise<void> {
  for (const step of [() => networks.withdraw(), removeGroups]) {
    try {
      await step();
    } catch (thrown) {
      report(thrown);
    }
  }
}

function refuseWhileRunning(context: ContainerContext): void {
  for (const { state, name } of context.registry.all()) {
    if (!isAlive(state)) continue;
    throw new TiffinError("conflict", "engine.in-use", `container ${name} is running`, {
      remedy: "stop all containers first",
    });
  }
}
