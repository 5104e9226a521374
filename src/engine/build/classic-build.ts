/** Docker's classic route: the request with its tar as a build like any other. */
import type { AuthConfig } from "../../docker/types/registry.ts";
import { openDirectory } from "../../kernel/files.ts";
import { own } from "../../lib/own.ts";
import { taggedReference } from "../image/mod.ts";
import { decompress, unpack } from "../tree/mod.ts";
import { type BuildRequest, type BuildRunOptions, plainBuildRequest } from "./build-request.ts";
import { ClassicText, type ReportClassic } from "./classic-text.ts";
import {
  type BuildInputs,
  inputsOf,
  type LocalContext,
  mainContextName,
  type NamedContext,
} from "./inputs.ts";
import type { BuildResult } from "./outputs.ts";
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
  /** By registry. */
  readonly credentials: Readonly<Record<string, AuthConfig>>;
  /** Tells why steps are done again. */
  readonly why: boolean;
  /** A failed step's files stay as an image of this name. */
  readonly keepFailed: string;
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
  /** What the context may unpack to. */
  readonly limitBytes: number;
}

const shownDigits = 12;

export async function classicBuild(build: Build, call: ClassicCall): Promise<void> {
  const { request, report, signal } = call;
  // A name that is none costs nothing.
  const names = request.tags.map((tag) => taggedReference({ repository: tag, tag: undefined }));
  const text = new ClassicText(request.quiet ? () => {} : report, request.why);
  const inputs = inputsOf({
    contexts: new Map([[mainContextName, contextOf(call)]]),
    credentials: async (host) => own(request.credentials, host) ?? own(request.credentials, dockerName(host)),
  });
  const { images } = await build(
    {
      ...plainBuildRequest,
      dockerfile: request.dockerfile,
      arguments: request.arguments,
      target: request.target,
      labels: request.labels,
      platforms: request.platform === "" ? [] : [request.platform],
      noCache: request.noCache,
      pull: request.pull,
      run: request.run,
      outputs: [{ kind: "image", names, push: false, insecure: false }],
      ...(request.keepFailed !== "" && { keepFailed: request.keepFailed }),
    },
    inputs,
    text.hear,
    signal,
  );
  const id = images[0]?.id ?? "";
  if (request.quiet) {
    report({ stream: `${id}\n` });
    return;
  }
  report({ aux: { ID: id } });
  report({ stream: `Successfully built ${id.slice("sha256:".length).slice(0, shownDigits)}\n` });
  for (const tag of request.tags) report({ stream: `Successfully tagged ${shownTag(tag)}\n` });
}

function shownTag(tag: string): string {
  return /:[^/]+$/.test(tag) ? tag : `${tag}:latest`;
}

/** The key that Docker's own registry has in configurations. */
function dockerName(host: string): string {
  return host === "docker.io" ? "https://index.docker.io/v1/" : host;
}

function contextOf(call: ClassicCall): NamedContext {
  const { request } = call;
  if (request.remote !== "") return { kind: "remote", url: request.remote };
  return { kind: "local", local: new TarContext(call) };
}

/** It comes once. */
class TarContext implements LocalContext {
  readonly comesWhole = true;
  readonly #call: ClassicCall;

  constructor(call: ClassicCall) {
    this.#call = call;
  }

  async receive(directory: string): Promise<void> {
    const { body, limitBytes } = this.#call;
    using root = openDirectory(directory);
    await unpack(decompress(body, limitBytes), {
      root,
      directory: "/",
      keepTypes: false,
      owner: { uid: 0, gid: 0 },
      firstHostId: 0,
      whiteouts: false,
      limitHoleBytes: limitBytes,
    });
  }
}
