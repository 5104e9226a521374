/** Docker's classic route: the request with its tar as a build like any other. */
import type { BuildExtras } from "../../docker/types/build.ts";
import type { AuthConfig } from "../../docker/types/registry.ts";
import { TiffinError } from "../../lib/errors.ts";
import { own } from "../../lib/own.ts";
import { pause } from "../../lib/timer.ts";
import { connectDuplex } from "../../transport/bun-duplex.ts";
import { taggedReference } from "../image/mod.ts";
import { archiveContext } from "./archive-context.ts";
import { type BuildRequest, type BuildRunOptions, plainBuildRequest } from "./build-request.ts";
import { ClassicText, type ReportClassic } from "./classic-text.ts";
import {
  type BuildInputs,
  dockerfileContextName,
  inputsOf,
  mainContextName,
  type NamedContext,
} from "./inputs.ts";
import { outputOf } from "./output/mod.ts";
import type { BuildResult, CacheExport, CacheImport, OutputSink } from "./outputs.ts";
import type { ReportEvent } from "./progress.ts";

export type { ReportClassic } from "./classic-text.ts";

export interface ClassicBuildRequest {
  /** Path in the context; empty for the usual one. */
  readonly dockerfile: string;
  readonly tags: readonly string[];
  readonly arguments: Readonly<Record<string, string>>;
  readonly target: string;
  readonly noCache: boolean;
  readonly pull: boolean;
  /** Only the image's id is told. */
  readonly quiet: boolean;
  readonly labels: Readonly<Record<string, string>>;
  /** `os/architecture`; empty for this machine's. */
  readonly platform: string;
  readonly run: BuildRunOptions;
  /** Where the context is instead of the body: git, an archive or a Dockerfile of the web. */
  readonly remote: string;
  /** Images that may have steps. */
  readonly cacheFrom: readonly string[];
  /** By registry. */
  readonly credentials: Readonly<Record<string, AuthConfig>>;
  readonly extras: BuildExtras;
}

type Build = (
  request: BuildRequest,
  inputs: BuildInputs,
  report: ReportEvent,
  signal: AbortSignal,
) => Promise<BuildResult>;

export interface ClassicCall {
  readonly request: ClassicBuildRequest;
  readonly body: AsyncIterable<Uint8Array>;
  readonly report: ReportClassic;
  readonly signal: AbortSignal;
  /** Contexts that are read where they are, by name; the empty one is the main context, and the body has the Dockerfile if anything. */
  readonly directories?: ReadonlyMap<string, { readonly path: string }>;
  /** What the context may unpack to. */
  readonly limitBytes: number;
}

const shownDigits = 12;

export async function classicBuild(build: Build, call: ClassicCall): Promise<void> {
  const { request, report, signal } = call;
  const { extras } = request;
  // A name that is none costs nothing.
  const names = request.tags.map((tag) => taggedReference({ repository: tag, tag: undefined }));
  const text = new ClassicText(request.quiet ? () => {} : report, extras.Why ?? false);
  const { images, exporter } = await build(
    requestOf(request, names, report),
    inputsOfCall(call),
    text.hear,
    signal,
  );
  if (extras.Metadata === true) report({ aux: { TiffinMetadata: exporter } });
  const id = images[0]?.id;
  if (id === undefined) return;
  if (request.quiet) {
    report({ stream: `${id}\n` });
    return;
  }
  report({ aux: { ID: id } });
  report({ stream: `Successfully built ${id.slice("sha256:".length).slice(0, shownDigits)}\n` });
  for (const tag of request.tags) report({ stream: `Successfully tagged ${shownTag(tag)}\n` });
}

function requestOf(
  request: ClassicBuildRequest,
  names: readonly string[],
  report: ReportClassic,
): BuildRequest {
  const { extras, platform } = request;
  const platforms = extras.Platforms ?? (platform === "" ? [] : [platform]);
  return {
    ...plainBuildRequest,
    dockerfile: request.dockerfile,
    arguments: request.arguments,
    target: request.target,
    labels: request.labels,
    platforms,
    noCache: request.noCache,
    noCacheStages: extras.NoCacheStages ?? [],
    pull: request.pull,
    run: request.run,
    entitlements: extras.Allow ?? [],
    outputs: (extras.Outputs ?? [{ Type: "image" }]).map(({ Type: type, Attributes = {} }, index) =>
      outputOf(
        { type, attributes: new Map(Object.entries(Attributes)) },
        { names, sink: () => sinkTo(report, index), strict: true },
      ),
    ),
    cacheFrom: [
      ...request.cacheFrom.map((reference) => ({ kind: "registry" as const, reference })),
      ...(extras.CacheFrom ?? []).map(importOf),
    ],
    cacheTo: (extras.CacheTo ?? []).map(exportOf),
    ...(extras.KeepFailed !== undefined && { keepFailed: extras.KeepFailed }),
  };
}

function inputsOfCall(call: ClassicCall): BuildInputs {
  const { request } = call;
  const { Secrets = {}, Agents = {}, Contexts = {} } = request.extras;
  const further = Object.entries(Contexts).map(([name, place]): [string, NamedContext] => {
    const image = /^docker-image:\/\/(.+)$/.exec(place)?.[1];
    return [name, image === undefined ? { kind: "remote", url: place } : { kind: "image", reference: image }];
  });
  return inputsOf({
    contexts: new Map([...further, ...contextsOf(call)]),
    credentials: async (host) => own(request.credentials, host) ?? own(request.credentials, dockerName(host)),
    secret: async (id) => {
      const secret = own(Secrets, id);
      return secret === undefined ? undefined : new Uint8Array(Buffer.from(secret, "base64"));
    },
    hasAgent: async (id) => own(Agents, id) !== undefined,
    connectAgent: async (id) => await connectDuplex({ unix: own(Agents, id) ?? "" }),
  });
}

/** Archives go to the client among its messages. */
function sinkTo(report: ReportClassic, index: number): OutputSink {
  return {
    async write(tar) {
      for await (const piece of tar) {
        report({ aux: { TiffinOutput: index, Data: Buffer.from(piece).toString("base64") } });
        // The client takes it at its own pace; what waits for it is no more than the engine makes of one slice.
        await pause(0);
      }
    },
  };
}

type CachePlace = NonNullable<BuildExtras["CacheFrom"]>[number];

function unknownCache(kind: string): TiffinError {
  return new TiffinError(
    "invalid",
    "build.cache-place",
    `unknown kind of cache ${JSON.stringify(kind)} (there are: registry, local, inline)`,
  );
}

function importOf({ Type: kind, Reference: place, Mounts: mounts = false }: CachePlace): CacheImport {
  if (kind === "registry") return { kind, reference: place, mounts };
  if (kind === "local") return { kind, source: place, mounts };
  throw unknownCache(kind);
}

function exportOf({
  Type: kind,
  Reference: place,
  Max = false,
  Mounts: mounts = false,
  IgnoreError: ignoreError = false,
}: CachePlace): CacheExport {
  const wishes = { mode: Max ? "max" : "min", mounts, ignoreError } as const;
  if (kind === "registry") return { kind, reference: place, ...wishes };
  if (kind === "local") return { kind, destination: place, ...wishes };
  if (kind === "inline") return { kind };
  throw unknownCache(kind);
}

function shownTag(tag: string): string {
  return /:[^/]+$/.test(tag) ? tag : `${tag}:latest`;
}

/** The key that Docker's own registry has in configurations. */
function dockerName(host: string): string {
  return host === "docker.io" ? "https://index.docker.io/v1/" : host;
}

/** The main context, the Dockerfile's where that is another one, and those that are read where they are. */
function contextsOf(call: ClassicCall): [string, NamedContext][] {
  const { directories } = call;
  if (directories === undefined) return [[mainContextName, contextOf(call)]];
  const contexts = [...directories].map(([name, { path }]): [string, NamedContext] => {
    const local = { inPlace: path, receive: async () => undefined };
    return [name === "" ? mainContextName : name, { kind: "local", local }];
  });
  if (call.request.dockerfile !== "") return contexts;
  return [
    ...contexts,
    [dockerfileContextName, { kind: "local", local: archiveContext(() => call.body, call.limitBytes) }],
  ];
}

function contextOf(call: ClassicCall): NamedContext {
  const { request } = call;
  if (request.remote !== "") return { kind: "remote", url: request.remote };
  return { kind: "local", local: archiveContext(() => call.body, call.limitBytes) };
}
