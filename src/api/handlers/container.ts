/** A container's life: create, list, inspect, start, stop, kill, wait, resize, rename, remove. */
import { emptyConfig, invalidCondition, noCheckpoint, streamOfOneShot } from "../../docker/messages.ts";
import { type WaitCondition, waitConditions } from "../../docker/types/container.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { ContainerLifeBackend, ContainerViewBackend } from "../backend.ts";
import type { Handlers } from "../handler.ts";
import { explainLanguageOf, wishesOf } from "./explain-wishes.ts";

type Names =
  | "containerList"
  | "containerCreate"
  | "containerInspect"
  | "explain"
  | "explainRun"
  | "explainRemove"
  | "explainDifference"
  | "trace"
  | "containerStart"
  | "startTimed"
  | "containerStop"
  | "containerRestart"
  | "containerPause"
  | "containerUnpause"
  | "containerTop"
  | "containerPrune"
  | "containerUpdate"
  | "containerStats"
  | "containerKill"
  | "containerWait"
  | "containerResize"
  | "containerRename"
  | "containerRemove";

function conditionOf(asked: string | undefined): WaitCondition {
  if (asked === undefined || asked === "") return "not-running";
  const condition = waitConditions.find((word) => word === asked);
  if (condition === undefined) {
    throw new TiffinError("invalid", "api.wait-condition", invalidCondition(asked));
  }
  return condition;
}

export function containerHandlers(
  containers: ContainerLifeBackend & ContainerViewBackend,
): Pick<Handlers, Names> {
  return {
    containerList: ({ query }) => {
      const limit = query.limit ?? 0;
      return containers.list({
        all: query.all ?? false,
        limit: limit > 0 ? limit : undefined,
        size: query.size ?? false,
        filters: query.filters ?? {},
      });
    },
    containerCreate: async ({ query, body }) => {
      if (Object.keys(body).length === 0) {
        throw new TiffinError("invalid", "container.config-empty", emptyConfig());
      }
      return await containers.create({ name: query.name, platform: query.platform, body });
    },
    containerInspect: ({ params, query }) => containers.inspect(params.name, { size: query.size ?? false }),
    containerStart: async ({ params, query }) => {
      // Of the files of a container and its processes the engine keeps no checkpoints, so there is none to start from.
      if (query.checkpoint)
        throw new TiffinError("invalid", "container.checkpoint", noCheckpoint(params.name, query.checkpoint));
      await containers.start(params.name);
    },
    containerStop: ({ params, query }) =>
      containers.stop(params.name, { signal: query.signal || undefined, timeoutSeconds: query.t }),
    containerRestart: ({ params, query }) =>
      containers.restart(params.name, { signal: query.signal || undefined, timeoutSeconds: query.t }),
    containerPause: ({ params }) => containers.pause(params.name),
    containerUnpause: ({ params }) => containers.unpause(params.name),
    containerTop: ({ params, query }) => containers.top(params.name, query.ps_args ?? ""),
    containerPrune: ({ query, signal }) => containers.prune(query.filters ?? {}, signal),
    containerUpdate: ({ params, body }) => containers.update(params.name, body),
    containerStats: async ({ params, query, signal }) => {
      const [stream, oneShot] = [query.stream ?? true, query["one-shot"] ?? false];
      if (stream && oneShot) throw new TiffinError("invalid", "api.stats", streamOfOneShot());
      return { lines: await containers.stats(params.name, { stream, oneShot }, signal) };
    },
    containerKill: ({ params, query }) => containers.kill(params.name, query.signal || undefined),
    containerWait: async ({ params, query, signal }) => {
      const { exit } = await containers.wait(params.name, conditionOf(query.condition), signal);
      return { later: exit };
    },
    containerResize: ({ params, query }) =>
      containers.resize(params.name, { height: query.h ?? 0, width: query.w ?? 0 }),
    containerRename: ({ params, query }) => containers.rename(params.name, query.name ?? ""),
    explain: ({ params, query }) => containers.explain(params.name, wishesOf(query)),
    explainRun: ({ query, body }) => containers.explainRun(body, wishesOf(query)),
    explainDifference: ({ query, body }) => containers.explainDifference(body, wishesOf(query)),
    explainRemove: ({ params, query }) => {
      const options = { force: query.force ?? false, volumes: query.v ?? false };
      return containers.explainRemoval(params.name, options, wishesOf(query));
    },
    startTimed: ({ params, query }) => containers.startTimed(params.name, explainLanguageOf(query.lang)),
    trace: ({ params, query }) => containers.trace(params.name, explainLanguageOf(query.lang)),
    containerRemove: ({ params, query }) =>
      containers.remove(params.name, {
        force: query.force ?? false,
        volumes: query.v ?? false,
        link: query.link ?? false,
      }),
  };
}
