/** An engine without containers, for tests of the API. Everything is in memory and deterministic. */
import {
  alreadyPaused,
  cannotKill,
  execAlreadyRan,
  nameTaken,
  noSuchContainer,
  noSuchExec,
  noSuchImage,
  noSuchVolume,
  notPaused,
  notRunning,
  removeActive,
} from "../../docker/messages.ts";
import type { PathStatus } from "../../docker/types/archive.ts";
import type {
  ContainerCreateBody,
  ContainerInspect,
  ContainerSummary,
  WaitCondition,
  WaitResponse,
} from "../../docker/types/container.ts";
import type { ExecCreateBody } from "../../docker/types/exec.ts";
import type { ImageInspect } from "../../docker/types/image.ts";
import type { RunExited } from "../../docker/types/run.ts";
import type { VolumeDocument } from "../../docker/types/volume.ts";
import { TiffinError } from "../../lib/errors.ts";
import { newId } from "../../lib/ids.ts";
import type { AttachedStream, Backends, LogEntry, RunSession } from "../backend.ts";
import { fakeInfo, fakeVersion } from "./fake-documents.ts";
import { epoch, FakeProcess } from "./fake-process.ts";

const never = "0001-01-01T00:00:00Z";

interface FakeContainer {
  readonly id: string;
  name: string;
  readonly body: ContainerCreateBody;
  /** A new one for each start. */
  process: FakeProcess;
  readonly archives: Map<string, readonly Uint8Array[]>;
  removed: boolean;
  readonly gone: Promise<void>;
  readonly tellGone: () => void;
}

interface FakeExec {
  readonly id: string;
  readonly container: string;
  readonly body: ExecCreateBody;
  readonly process: FakeProcess;
}

function statusOf(container: FakeContainer, path: string): PathStatus {
  const pieces = container.archives.get(path);
  if (pieces === undefined) {
    const text = `Could not find the file ${path} in container ${container.name}`;
    throw new TiffinError("notFound", "archive.no-path", text);
  }
  const size = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return { name: path.slice(path.lastIndexOf("/") + 1), size, mode: 0o644, mtime: epoch, linkTarget: "" };
}

function inspectOf(container: FakeContainer): ContainerInspect {
  const { process, body } = container;
  const [path = "", ...args] = process.command;
  const running = process.state === "running";
  const { HostConfig, NetworkingConfig: _networking, ...config } = body;
  return {
    Id: container.id,
    Created: epoch,
    Path: path,
    Args: args,
    State: {
      Status: process.state,
      Running: running,
      Paused: false,
      Restarting: false,
      OOMKilled: false,
      Dead: false,
      Pid: running ? 4242 : 0,
      ExitCode: process.exitCode,
      Error: "",
      StartedAt: process.state === "created" ? never : epoch,
      FinishedAt: process.state === "exited" ? epoch : never,
    },
    Image: "sha256:0000000000000000000000000000000000000000000000000000000000000001",
    ResolvConfPath: "",
    HostnamePath: "",
    HostsPath: "",
    LogPath: "",
    Name: `/${container.name}`,
    RestartCount: 0,
    Driver: "overlay2",
    Platform: "linux",
    MountLabel: "",
    ProcessLabel: "",
    AppArmorProfile: "",
    ExecIDs: null,
    HostConfig: { Binds: null, NetworkMode: "bridge", ...HostConfig },
    GraphDriver: { Name: "overlay2", Data: null },
    Mounts: [],
    Config: { Volumes: null, ...config },
    NetworkSettings: { Ports: {}, Networks: { bridge: { IPAddress: "172.30.0.2", Aliases: null } } },
  };
}

function summaryOf(container: FakeContainer): ContainerSummary {
  const { process, body } = container;
  return {
    Id: container.id,
    Names: [`/${container.name}`],
    Image: body.Image ?? "",
    ImageID: "sha256:0000000000000000000000000000000000000000000000000000000000000001",
    Command: process.command.join(" "),
    Created: 1_767_323_045,
    Ports: [{ IP: "0.0.0.0", PrivatePort: 80, PublicPort: 8080, Type: "tcp" }],
    Labels: body.Labels ?? {},
    State: process.state,
    Status: process.state === "running" ? "Up 3 seconds" : "Exited (0) 3 seconds ago",
    HostConfig: { NetworkMode: "bridge" },
    NetworkSettings: { Networks: {} },
    Mounts: [],
  };
}

const baseImage: ImageInspect = {
  Id: "sha256:0000000000000000000000000000000000000000000000000000000000000001",
  RepoTags: ["base:latest"],
  RepoDigests: [],
  Parent: "",
  Comment: "",
  Created: epoch,
  DockerVersion: "",
  Author: "",
  Architecture: "amd64",
  Os: "linux",
  Size: 2_000_000,
  GraphDriver: { Name: "overlay2", Data: null },
  RootFS: { Type: "layers", Layers: ["sha256:02"] },
  Metadata: {},
  Config: { Cmd: ["sh"], Env: ["PATH=/bin"] },
};

const fakeVolume = {
  Driver: "local",
  CreatedAt: "2024-01-02T03:04:05Z",
  Labels: null,
  Options: null,
  Scope: "local",
};

export interface FakeEngine extends Backends {
  readonly all: Map<string, FakeContainer>;
  readonly allExecs: Map<string, FakeExec>;
  /** What reached `create`. */
  readonly created: ContainerCreateBody[];
  /** Aborted signals seen by `wait` and `logs`. */
  aborts: number;
}

export function fakeEngine(): FakeEngine {
  const all = new Map<string, FakeContainer>();
  const allExecs = new Map<string, FakeExec>();
  const created: ContainerCreateBody[] = [];

  const find = (name: string): FakeContainer => {
    const wanted = name.replace(/^\//, "");
    for (const container of all.values()) {
      if (container.name === wanted || (wanted.length > 3 && container.id.startsWith(wanted)))
        return container;
    }
    throw new TiffinError("notFound", "container.not-found", noSuchContainer(name));
  };
  const findExec = (id: string): FakeExec => {
    const exec = allExecs.get(id);
    if (exec === undefined) throw new TiffinError("notFound", "exec.not-found", noSuchExec(id));
    return exec;
  };
  const findImage = (name: string): void => {
    if (["base", "base:latest", "library/base:latest"].includes(name)) return;
    const tagged = name.includes(":") ? name : `${name}:latest`;
    throw new TiffinError("notFound", "image.not-found", noSuchImage(tagged), { exitCode: 125 });
  };
  const requireFree = (name: string): void => {
    for (const other of all.values())
      if (other.name === name)
        throw new TiffinError("conflict", "container.name-taken", nameTaken(name, other.id));
  };
  const add = (name: string | undefined, body: ContainerCreateBody): FakeContainer => {
    findImage(body.Image ?? "");
    if (name !== undefined) requireFree(name);
    created.push(body);
    const { promise, resolve } = Promise.withResolvers<void>();
    const command = [...(body.Entrypoint ?? []), ...(body.Cmd ?? ["sleep"])];
    const container: FakeContainer = {
      id: newId(),
      name: name ?? `fake_${all.size}`,
      body,
      process: new FakeProcess(command, body.Tty ?? false, body.OpenStdin ?? false),
      archives: new Map(),
      removed: false,
      gone: promise,
      tellGone: resolve,
    };
    all.set(container.id, container);
    return container;
  };
  const takeAway = (container: FakeContainer): void => {
    container.removed = true;
    all.delete(container.id);
    container.tellGone();
  };
  const start = (container: FakeContainer): void => {
    if (container.process.state === "exited") container.process = container.process.again();
    if (container.process.state !== "created") {
      throw new TiffinError("notModified", "container.started", "container is already started");
    }
    try {
      container.process.start();
    } catch (thrown) {
      if (container.body.HostConfig?.AutoRemove === true) takeAway(container);
      throw thrown;
    }
    if (container.body.HostConfig?.AutoRemove === true) {
      container.process.exited.then(() => takeAway(container)).catch(() => undefined);
    }
  };
  const exitOf = async (
    container: FakeContainer,
    condition: WaitCondition,
    abort: AbortSignal,
  ): Promise<WaitResponse> => {
    const aborted = Promise.withResolvers<never>();
    abort.addEventListener("abort", () => {
      engine.aborts += 1;
      aborted.reject(new TiffinError("cancelled", "api.cancelled", "the client has gone"));
    });
    if (condition !== "not-running" || container.process.state === "running") {
      await Promise.race([container.process.exited, container.gone, aborted.promise]);
    }
    if (condition === "removed") await Promise.race([container.gone, aborted.promise]);
    return { StatusCode: container.process.exitCode };
  };
  const sessionOf = (
    id: string,
    process: FakeProcess,
    attached: AttachedStream,
    exited: Promise<RunExited>,
  ): RunSession => ({
    id,
    tty: process.tty,
    warnings: [],
    stream: attached.stream,
    exited,
    resize: async (size) => {
      process.sizes.push(size);
    },
    signal: async (signal) => process.signal(signal),
  });

  const paused = new Set<string>();
  const volumes = new Map<string, VolumeDocument>();
  const findVolume = (name: string): VolumeDocument => {
    const found = volumes.get(name);
    if (found !== undefined) return found;
    throw new TiffinError("notFound", "volume.not-found", noSuchVolume(name));
  };
  const engine: FakeEngine = {
    builds: {
      classic: async (_request, body, report) => {
        let bytes = 0;
        for await (const piece of body) bytes += piece.length;
        report({ stream: `${bytes}\n` });
      },
      openDirectories: () => ({ byName: new Map(), [Symbol.dispose]: () => {} }),
      inPlace: async () => {},
      pruneCache: async () => ({ CachesDeleted: null, SpaceReclaimed: 0 }),
    },
    buildkit: {
      openSession: async () => (client) => client.end(),
      openControl: async () => (client) => client.end(),
      buildForSession: async ({ sessionId, attributes }, report) => {
        report({ id: sessionId, aux: Object.fromEntries(attributes) });
      },
      receiveContext: async (_id, body) => {
        for await (const _ of body);
      },
      cancel: async () => {},
    },
    all,
    allExecs,
    created,
    aborts: 0,
    containers: {
      create: async ({ name, body }) => ({ Id: add(name, body).id, Warnings: [] }),
      list: async (request) =>
        [...all.values()]
          .filter((container) => request.all || container.process.state === "running")
          .map((container) => summaryOf(container)),
      inspect: async (name) => inspectOf(find(name)),
      prune: async () => ({ ContainersDeleted: null, SpaceReclaimed: 0 }),
      update: async (name) => {
        find(name);
        return { Warnings: null };
      },
      stats: async (name) => {
        find(name);
        return (async function* none() {})();
      },
      start: async (name) => start(find(name)),
      stop: async (name, request) => {
        const { process } = find(name);
        if (process.state !== "running") {
          throw new TiffinError("notModified", "container.stopped", "container is already stopped");
        }
        process.signal(request.signal ?? "SIGTERM");
      },
      restart: async (name) => {
        const container = find(name);
        if (container.process.state === "running") container.process.signal("SIGTERM");
        await container.process.exited;
        start(container);
      },
      pause: async (name) => {
        const { process, id } = find(name);
        if (process.state !== "running") {
          throw new TiffinError("conflict", "container.not-running", notRunning(id));
        }
        if (paused.has(id)) throw new TiffinError("conflict", "container.paused", alreadyPaused(id));
        paused.add(id);
      },
      unpause: async (name) => {
        const { id } = find(name);
        if (!paused.delete(id)) throw new TiffinError("conflict", "container.not-paused", notPaused(id));
      },
      top: async (name) => {
        const { process, id } = find(name);
        if (process.state !== "running") {
          throw new TiffinError("conflict", "container.not-running", notRunning(id));
        }
        return { Titles: ["PID", "CMD"], Processes: [["1", "init"]] };
      },
      kill: async (name, signal) => {
        const container = find(name);
        if (container.process.state !== "running") {
          throw new TiffinError("conflict", "container.not-running", cannotKill(name, container.id));
        }
        container.process.signal(signal ?? "SIGKILL");
      },
      wait: async (name, condition, abort) => ({ exit: exitOf(find(name), condition, abort) }),
      attach: async (name, request) => find(name).process.attach(request),
      logs: async (name, request, abort) => {
        const { process } = find(name);
        const wanted = process.log.filter((entry) => request[entry.stream]);
        const tail = request.tail === undefined ? wanted : wanted.slice(wanted.length - request.tail);
        async function* batches(): AsyncGenerator<readonly LogEntry[]> {
          yield tail;
          if (!request.follow || process.state !== "running") return;
          const aborted = Promise.withResolvers<void>();
          abort.addEventListener("abort", () => {
            engine.aborts += 1;
            aborted.resolve();
          });
          await Promise.race([process.exited, aborted.promise]);
        }
        return { tty: process.tty, details: "", batches: batches() };
      },
      resize: async (name, size) => {
        find(name).process.sizes.push(size);
      },
      explain: async (name, { format }) => ({ Id: find(name).id, Text: `${format}\n` }),
      startTimed: async (name) => ({ Id: find(name).id, Phases: {}, Operations: [] }),
      explainDifference: async (_body, { format }) => ({ Id: "", Text: `${format}\n` }),
      explainRemoval: async (name, _options, { format }) => ({ Id: find(name).id, Text: `${format}\n` }),
      explainRun: async (_body, { format }) => ({ Id: "", Text: `${format}\n` }),
      trace: async (name) => ({ Id: find(name).id, Phases: {}, Operations: [] }),
      rename: async (name, newName) => {
        const container = find(name);
        requireFree(newName);
        container.name = newName;
      },
      // A file system of files at the root: what was put at a path is what is got from it.
      statPath: async (name, path) => statusOf(find(name), path),
      getArchive: async (name, path) => {
        const container = find(name);
        const status = statusOf(container, path);
        async function* bytes(): AsyncGenerator<Uint8Array> {
          yield* container.archives.get(path) ?? [];
        }
        return { status, bytes: bytes() };
      },
      export: async (name) => {
        const { archives } = find(name);
        async function* bytes(): AsyncGenerator<Uint8Array> {
          for (const pieces of archives.values()) yield* pieces;
        }
        return bytes();
      },
      commit: async (name) => `sha256:${find(name).id}`,
      changes: async (name) => [...find(name).archives.keys()].map((path) => ({ Path: path, Kind: 1 })),
      putArchive: async (name, { path }, body) => {
        const pieces: Uint8Array[] = [];
        for await (const piece of body) pieces.push(piece.slice());
        find(name).archives.set(path, pieces);
      },
      remove: async (name, { force }) => {
        const container = find(name);
        if (container.process.state === "running") {
          if (!force) {
            throw new TiffinError("conflict", "container.running", removeActive(container.name, "running"));
          }
          container.process.signal("SIGKILL");
        }
        takeAway(container);
      },
      run: async (request) => {
        const create =
          request.remove === true
            ? { ...request.create, HostConfig: { ...request.create.HostConfig, AutoRemove: true } }
            : request.create;
        const container = add(request.name, create);
        const attached = container.process.attach({
          stdin: create.AttachStdin ?? false,
          stdout: create.AttachStdout ?? false,
          stderr: create.AttachStderr ?? false,
        });
        try {
          start(container);
        } catch (thrown) {
          takeAway(container);
          throw thrown;
        }
        const exited = container.process.exited.then(async (StatusCode) => {
          if (request.remove === true) await container.gone;
          return { StatusCode };
        });
        return sessionOf(container.id, container.process, attached, exited);
      },
    },
    execs: {
      explain: async (name, _body, { format }) => ({ Id: find(name).id, Text: `${format}\n` }),
      create: async (name, body) => {
        const container = find(name);
        if (container.process.state !== "running") {
          throw new TiffinError("conflict", "container.not-running", notRunning(container.id));
        }
        const id = newId();
        const process = new FakeProcess(body.Cmd ?? [], body.Tty ?? false, body.AttachStdin ?? false);
        allExecs.set(id, { id, container: container.id, body, process });
        return { Id: id };
      },
      start: async (id) => {
        const { process, body } = findExec(id);
        if (process.state !== "created")
          throw new TiffinError("conflict", "exec.started", execAlreadyRan(id));
        const attached = process.attach({
          stdin: body.AttachStdin ?? false,
          stdout: body.AttachStdout ?? false,
          stderr: body.AttachStderr ?? false,
        });
        process.start();
        return { ...attached, detachKeys: body.DetachKeys };
      },
      startDetached: async (id) => findExec(id).process.start(),
      resize: async (id, size) => {
        findExec(id).process.sizes.push(size);
      },
      inspect: async (id) => {
        const { process, container, body } = findExec(id);
        return {
          ID: id,
          Running: process.state === "running",
          ExitCode: process.state === "exited" ? process.exitCode : null,
          ProcessConfig: {
            tty: process.tty,
            entrypoint: process.command[0] ?? "",
            arguments: process.command.slice(1),
          },
          OpenStdin: body.AttachStdin ?? false,
          OpenStderr: body.AttachStderr ?? false,
          OpenStdout: body.AttachStdout ?? false,
          CanRemove: false,
          ContainerID: container,
          DetachKeys: "",
          Pid: process.state === "running" ? 4343 : 0,
        };
      },
      run: async (name, body) => {
        const { Id } = await engine.execs.create(name, body);
        const { process } = findExec(Id);
        const attached = await engine.execs.start(Id, {});
        return sessionOf(
          Id,
          process,
          attached,
          process.exited.then((StatusCode) => ({ StatusCode })),
        );
      },
    },
    images: {
      list: async () => [
        {
          Id: baseImage.Id,
          ParentId: "",
          RepoTags: baseImage.RepoTags,
          RepoDigests: [],
          Created: 1_767_323_045,
          Size: baseImage.Size,
          SharedSize: -1,
          Labels: null,
          Containers: -1,
        },
      ],
      inspect: async (name) => {
        findImage(name);
        return baseImage;
      },
      check: async () => [],
      history: async (name) => {
        findImage(name);
        return [];
      },
      tag: async (name) => {
        findImage(name);
      },
      remove: async (name) => {
        findImage(name);
        return [{ Untagged: "base:latest" }, { Deleted: baseImage.Id }];
      },
      prune: async () => ({ ImagesDeleted: null, SpaceReclaimed: 0 }),
      load: async (_request, body, report) => {
        let bytes = 0;
        for await (const piece of body) {
          bytes += piece.length;
          report({ id: "layer", status: "Loading layer", progressDetail: { current: bytes } });
        }
        if (bytes === 0) throw new TiffinError("invalid", "archive.bad-image", "nothing in it");
        if (bytes > 1000) throw new TiffinError("invalid", "archive.bad-image", "too much in it");
        report({ stream: "Loaded image: base:latest\n" });
      },
      pull: async ({ name, tag }, report) => report({ status: `pulled ${name}:${tag ?? "latest"}` }),
      push: async ({ name, auth }, report) => report({ status: `pushed ${name} as ${auth?.username}` }),
      logIn: async ({ username }) => {
        if (username !== "me") throw new TiffinError("unauthorized", "registry.unauthorized", "not you");
        return { Status: "Login Succeeded", IdentityToken: "" };
      },
      search: async () => [],
      registryManifests: async () => ({ IsList: true, Manifests: [] }),
      pushManifestList: async () => ({ Digest: `sha256:${"0".repeat(64)}`, Pushed: [] }),
      inspectDistribution: async (name) => {
        findImage(name);
        return { Descriptor: { mediaType: "", digest: baseImage.Id, size: 1 }, Platforms: [] };
      },
      save: async (names) =>
        (async function* () {
          yield new TextEncoder().encode(names.join());
        })(),
      import: async ({ source }, _body, report) => report({ status: source }),
    },
    networks: {
      list: async () => [],
      explain: async (name, { format }) => ({ Id: name, Text: `${format}\n` }),
      inspect: async (name) => {
        throw new TiffinError("notFound", "network.not-found", `network ${name} not found`);
      },
      create: async () => ({ Id: newId(), Warning: "" }),
      remove: async () => undefined,
      connect: async () => undefined,
      disconnect: async () => undefined,
      prune: async () => ({ NetworksDeleted: null }),
    },
    reach: {
      why: async ({ from, to }) => ({
        Reachable: true,
        Verdict: `${from} ${to}`,
        Remedy: "",
        Reason: "",
        Steps: [],
      }),
    },
    system: {
      ping: async () => undefined,
      version: async () => fakeVersion,
      info: async () => fakeInfo,
      metrics: () => ({ text: "# EOF\n", mediaType: "text/plain" }),
      diskUsage: async () => ({
        LayersSize: 0,
        Images: [],
        Containers: [],
        Volumes: [],
        BuildCache: [],
        BuilderSize: 0,
      }),
    },
    volumes: {
      create: async ({ Name = "" }) => {
        const made = { ...fakeVolume, Name, Mountpoint: `/volumes/${Name}` };
        volumes.set(Name, made);
        return made;
      },
      list: async () => ({ Volumes: [...volumes.values()], Warnings: null }),
      inspect: async (name) => findVolume(name),
      remove: async (name) => {
        volumes.delete(findVolume(name).Name);
      },
      prune: async () => {
        const deleted = [...volumes.keys()];
        volumes.clear();
        return { VolumesDeleted: deleted, SpaceReclaimed: 0 };
      },
    },
    events: {
      // Nothing ever happens here.
      async *events(_request, abort) {
        const aborted = Promise.withResolvers<void>();
        abort.addEventListener("abort", () => aborted.resolve());
        await aborted.promise;
      },
    },
  };
  return engine;
}
