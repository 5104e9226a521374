/**
 * The API as one table. A row here without a handler does not compile, and neither does a client call that does not fit.
 * Rows under `/tiffin/` are additions; all others are Docker's, under Docker's names.
 */
import { list, nullable } from "./decode.ts";
import { headerAccept } from "./header.ts";
import {
  queryCells,
  queryFilters,
  queryFlag,
  queryInteger,
  queryList,
  queryStrings,
  queryTail,
  queryText,
  queryTexts,
  queryTime,
} from "./query.ts";
import {
  empty,
  head,
  hijack,
  json,
  jsonBody,
  jsonLater,
  jsonLines,
  plainText,
  raw,
  route,
  session,
  stream,
  streamBody,
} from "./route.ts";
import { containerChange, headerPathStatus } from "./types/archive.ts";
import {
  buildPruneReport,
  headerBuildExtras,
  headerDirectories,
  headerRegistries,
  queryUlimits,
} from "./types/build.ts";
import {
  containerCreateBody,
  containerCreateResponse,
  containerInspect,
  containerPruneReport,
  containerSummary,
  containerTop,
  containerUpdateBody,
  containerUpdateResponse,
  waitResponse,
} from "./types/container.ts";
import { containerConfig } from "./types/container-config.ts";
import { diskUsage } from "./types/disk-usage.ts";
import { eventMessage } from "./types/event.ts";
import { execCreateBody, execCreateResponse, execInspect, execStartBody } from "./types/exec.ts";
import { explainDifferenceBody, explainResponse, traceResponse } from "./types/explain.ts";
import {
  commitResponse,
  imageCheckItem,
  imageDeleteItem,
  imageHistoryItem,
  imageInspect,
  imagePruneReport,
  imageSummary,
} from "./types/image.ts";
import {
  networkConnectBody,
  networkCreateBody,
  networkCreateResponse,
  networkDisconnectBody,
  networkPruneReport,
  networkResource,
} from "./types/network.ts";
import { progressMessage } from "./types/progress.ts";
import {
  authConfig,
  authResponse,
  distributionInspect,
  headerAuth,
  manifestListBody,
  manifestListPushed,
  registryManifests,
  searchResult,
} from "./types/registry.ts";
import { execRunBody, runBody } from "./types/run.ts";
import { containerStats } from "./types/stats.ts";
import { infoResponse, pluginDocument, versionResponse } from "./types/system.ts";
import { volumeCreateBody, volumeDocument, volumeList, volumePruneReport } from "./types/volume.ts";
import { whyResponse } from "./types/why.ts";

const explainQuery = {
  format: queryText,
  lang: queryText,
  details: queryFlag,
  secrets: queryFlag,
} as const;

/** How a Dockerfile is built. */
const buildQuery = {
  dockerfile: queryText,
  t: queryList(queryText),
  remote: queryText,
  q: queryFlag,
  nocache: queryFlag,
  cachefrom: queryStrings,
  pull: queryFlag,
  rm: queryFlag,
  forcerm: queryFlag,
  memory: queryInteger,
  memswap: queryInteger,
  cpushares: queryInteger,
  cpusetcpus: queryText,
  cpusetmems: queryText,
  cpuperiod: queryInteger,
  cpuquota: queryInteger,
  shmsize: queryInteger,
  buildargs: queryTexts,
  labels: queryTexts,
  squash: queryFlag,
  networkmode: queryText,
  platform: queryText,
  target: queryText,
  outputs: queryText,
  version: queryText,
  extrahosts: queryList(queryText),
  cgroupparent: queryText,
  securityopt: queryStrings,
  ulimits: queryUlimits,
  isolation: queryText,
  session: queryText,
  buildid: queryText,
} as const;

export const routes = {
  ping: route("GET", "/_ping", "1.24", { result: plainText }),
  pingHead: route("HEAD", "/_ping", "1.24", { result: plainText }),
  version: route("GET", "/version", "1.24", { result: json(versionResponse) }),
  metrics: route("GET", "/metrics", "1.24", { headers: { accept: headerAccept }, result: plainText }),
  events: route("GET", "/events", "1.24", {
    query: { since: queryTime, until: queryTime, filters: queryFilters },
    result: jsonLines(eventMessage),
  }),
  diskUsage: route("GET", "/system/df", "1.25", {
    query: { type: queryList(queryText) },
    result: json(diskUsage),
  }),
  pluginList: route("GET", "/plugins", "1.25", {
    query: { filters: queryFilters },
    result: json(list(pluginDocument)),
  }),
  info: route("GET", "/info", "1.24", { result: json(infoResponse) }),

  containerList: route("GET", "/containers/json", "1.24", {
    query: { all: queryFlag, limit: queryInteger, size: queryFlag, filters: queryFilters },
    result: json(list(containerSummary)),
  }),
  containerCreate: route("POST", "/containers/create", "1.24", {
    query: { name: queryText, platform: queryText },
    body: jsonBody(containerCreateBody),
    result: json(containerCreateResponse, 201),
  }),
  containerInspect: route("GET", "/containers/{name}/json", "1.24", {
    query: { size: queryFlag },
    result: json(containerInspect),
  }),
  containerStart: route("POST", "/containers/{name}/start", "1.24", {
    query: { detachKeys: queryText, checkpoint: queryText },
    result: empty(),
  }),
  containerStop: route("POST", "/containers/{name}/stop", "1.24", {
    query: { t: queryInteger, signal: queryText },
    result: empty(),
  }),
  containerRestart: route("POST", "/containers/{name}/restart", "1.24", {
    query: { t: queryInteger, signal: queryText },
    result: empty(),
  }),
  containerPause: route("POST", "/containers/{name}/pause", "1.24", { result: empty() }),
  containerUnpause: route("POST", "/containers/{name}/unpause", "1.24", { result: empty() }),
  containerTop: route("GET", "/containers/{name}/top", "1.24", {
    query: { ps_args: queryText },
    result: json(containerTop),
  }),
  containerPrune: route("POST", "/containers/prune", "1.25", {
    query: { filters: queryFilters },
    result: json(containerPruneReport),
  }),
  containerStats: route("GET", "/containers/{name}/stats", "1.24", {
    query: { stream: queryFlag, "one-shot": queryFlag },
    result: jsonLines(containerStats),
  }),
  containerKill: route("POST", "/containers/{name}/kill", "1.24", {
    query: { signal: queryText },
    result: empty(),
  }),
  containerWait: route("POST", "/containers/{name}/wait", "1.24", {
    query: { condition: queryText },
    result: jsonLater(waitResponse),
  }),
  containerAttach: route("POST", "/containers/{name}/attach", "1.24", {
    query: {
      detachKeys: queryText,
      logs: queryFlag,
      stream: queryFlag,
      stdin: queryFlag,
      stdout: queryFlag,
      stderr: queryFlag,
    },
    result: hijack("tcp"),
  }),
  containerAttachWebsocket: route("GET", "/containers/{name}/attach/ws", "1.24", {
    query: {
      detachKeys: queryText,
      logs: queryFlag,
      stream: queryFlag,
      stdin: queryFlag,
      stdout: queryFlag,
      stderr: queryFlag,
    },
    result: hijack("websocket"),
  }),
  containerLogs: route("GET", "/containers/{name}/logs", "1.24", {
    query: {
      follow: queryFlag,
      stdout: queryFlag,
      stderr: queryFlag,
      since: queryTime,
      until: queryTime,
      timestamps: queryFlag,
      details: queryFlag,
      tail: queryTail,
    },
    result: stream,
  }),
  containerResize: route("POST", "/containers/{name}/resize", "1.24", {
    query: { h: queryCells, w: queryCells },
    result: empty(200),
  }),
  containerRename: route("POST", "/containers/{name}/rename", "1.24", {
    query: { name: queryText },
    result: empty(),
  }),
  containerUpdate: route("POST", "/containers/{name}/update", "1.24", {
    body: jsonBody(containerUpdateBody),
    result: json(containerUpdateResponse),
  }),
  containerArchiveHead: route("HEAD", "/containers/{name}/archive", "1.24", {
    query: { path: queryText },
    result: head({ "x-docker-container-path-stat": headerPathStatus }),
  }),
  containerArchiveGet: route("GET", "/containers/{name}/archive", "1.24", {
    query: { path: queryText },
    result: raw("application/x-tar", { "x-docker-container-path-stat": headerPathStatus }),
  }),
  containerArchivePut: route("PUT", "/containers/{name}/archive", "1.24", {
    query: { path: queryText, noOverwriteDirNonDir: queryFlag, copyUIDGID: queryFlag },
    body: streamBody("application/x-tar"),
    result: empty(200),
  }),
  containerExport: route("GET", "/containers/{name}/export", "1.24", {
    result: raw("application/octet-stream", {}),
  }),
  containerChanges: route("GET", "/containers/{name}/changes", "1.24", {
    result: json(nullable(list(containerChange))),
  }),
  containerRemove: route("DELETE", "/containers/{name*}", "1.24", {
    query: { v: queryFlag, link: queryFlag, force: queryFlag },
    result: empty(),
  }),

  execCreate: route("POST", "/containers/{name}/exec", "1.24", {
    body: jsonBody(execCreateBody),
    result: json(execCreateResponse, 201),
  }),
  execStart: route("POST", "/exec/{id}/start", "1.24", {
    body: jsonBody(execStartBody),
    result: hijack("tcp"),
  }),
  execResize: route("POST", "/exec/{id}/resize", "1.24", {
    query: { h: queryCells, w: queryCells },
    result: empty(200),
  }),
  execInspect: route("GET", "/exec/{id}/json", "1.24", { result: json(execInspect) }),

  commit: route("POST", "/commit", "1.24", {
    query: {
      container: queryText,
      repo: queryText,
      tag: queryText,
      comment: queryText,
      author: queryText,
      pause: queryFlag,
      changes: queryList(queryText),
    },
    body: jsonBody(nullable(containerConfig)),
    result: json(commitResponse, 201),
  }),
  imageList: route("GET", "/images/json", "1.24", {
    query: { all: queryFlag, digests: queryFlag, "shared-size": queryFlag, filters: queryFilters },
    result: json(list(imageSummary)),
  }),
  imageInspect: route("GET", "/images/{name*}/json", "1.24", {
    query: { platform: queryText },
    result: json(imageInspect),
  }),
  imageHistory: route("GET", "/images/{name*}/history", "1.24", {
    query: { platform: queryText },
    result: json(list(imageHistoryItem)),
  }),
  imageTag: route("POST", "/images/{name*}/tag", "1.24", {
    query: { repo: queryText, tag: queryText },
    result: empty(201),
  }),
  imageLoad: route("POST", "/images/load", "1.24", {
    query: { quiet: queryFlag, platform: queryText },
    body: streamBody("application/x-tar"),
    result: jsonLines(progressMessage),
  }),
  imageSaveAll: route("GET", "/images/get", "1.24", {
    query: { names: queryList(queryText), platform: queryText },
    result: raw("application/x-tar", {}),
  }),
  imageSave: route("GET", "/images/{name*}/get", "1.24", {
    query: { platform: queryText },
    result: raw("application/x-tar", {}),
  }),
  imageCreate: route("POST", "/images/create", "1.24", {
    query: {
      fromImage: queryText,
      fromSrc: queryText,
      repo: queryText,
      tag: queryText,
      message: queryText,
      changes: queryList(queryText),
      platform: queryText,
    },
    headers: { "x-registry-auth": headerAuth },
    body: streamBody("application/x-tar"),
    result: jsonLines(progressMessage),
  }),
  imagePush: route("POST", "/images/{name*}/push", "1.24", {
    query: { tag: queryText, platform: queryText },
    headers: { "x-registry-auth": headerAuth },
    result: jsonLines(progressMessage),
  }),
  imageSearch: route("GET", "/images/search", "1.24", {
    query: { term: queryText, limit: queryInteger, filters: queryFilters },
    headers: { "x-registry-auth": headerAuth },
    result: json(list(searchResult)),
  }),
  distributionInspect: route("GET", "/distribution/{name*}/json", "1.30", {
    headers: { "x-registry-auth": headerAuth },
    result: json(distributionInspect),
  }),
  auth: route("POST", "/auth", "1.24", { body: jsonBody(authConfig), result: json(authResponse) }),
  imagePrune: route("POST", "/images/prune", "1.25", {
    query: { filters: queryFilters },
    result: json(imagePruneReport),
  }),
  imageRemove: route("DELETE", "/images/{name*}", "1.24", {
    query: { force: queryFlag, noprune: queryFlag, platforms: queryList(queryText) },
    result: json(list(imageDeleteItem)),
  }),

  volumeList: route("GET", "/volumes", "1.24", {
    query: { filters: queryFilters },
    result: json(volumeList),
  }),
  volumeCreate: route("POST", "/volumes/create", "1.24", {
    body: jsonBody(volumeCreateBody),
    result: json(volumeDocument, 201),
  }),
  volumeInspect: route("GET", "/volumes/{name}", "1.24", { result: json(volumeDocument) }),
  volumeRemove: route("DELETE", "/volumes/{name}", "1.24", { query: { force: queryFlag }, result: empty() }),
  volumePrune: route("POST", "/volumes/prune", "1.25", {
    query: { filters: queryFilters },
    result: json(volumePruneReport),
  }),

  build: route("POST", "/build", "1.24", {
    query: buildQuery,
    headers: { "x-registry-config": headerRegistries, "x-tiffin-build": headerBuildExtras },
    body: streamBody("application/x-tar"),
    result: jsonLines(progressMessage),
  }),
  /**
   * The same of directories of this machine, which are read where they are and never written to. The body is the Dockerfile in an archive when that is
   * in none of them. `conflict` with the code `build.not-in-place` says to send it all.
   */
  buildInPlace: route("POST", "/tiffin/build", "1.24", {
    query: buildQuery,
    headers: {
      "x-registry-config": headerRegistries,
      "x-tiffin-build": headerBuildExtras,
      "x-tiffin-directories": headerDirectories,
    },
    body: streamBody("application/x-tar"),
    result: jsonLines(progressMessage),
  }),
  buildPrune: route("POST", "/build/prune", "1.31", {
    query: {
      all: queryFlag,
      filters: queryFilters,
      /** Bytes that may stay, by its older and its newer name. */
      "keep-storage": queryInteger,
      "reserved-space": queryInteger,
      "max-used-space": queryInteger,
      "min-free-space": queryInteger,
    },
    result: json(buildPruneReport),
  }),
  /** The build that its client gave this id. */
  buildCancel: route("POST", "/build/cancel", "1.39", { query: { id: queryText }, result: empty(200) }),
  /** The client serves what its builds need: files, secrets, an agent. */
  buildSession: route("POST", "/session", "1.31", {
    headers: {
      "x-docker-expose-session-uuid": queryText,
      "x-docker-expose-session-sharedkey": queryText,
      "x-docker-expose-session-sharedkey-encoded": queryText,
      "x-docker-expose-session-grpc-method": queryText,
    },
    result: hijack("h2c"),
  }),
  /** BuildKit's own services. */
  buildControl: route("POST", "/grpc", "1.39", { result: hijack("h2c") }),

  networkList: route("GET", "/networks", "1.24", {
    query: { filters: queryFilters },
    result: json(list(networkResource)),
  }),
  networkInspect: route("GET", "/networks/{id}", "1.24", {
    query: { verbose: queryFlag, scope: queryText },
    result: json(networkResource),
  }),
  networkCreate: route("POST", "/networks/create", "1.24", {
    body: jsonBody(networkCreateBody),
    result: json(networkCreateResponse, 201),
  }),
  networkRemove: route("DELETE", "/networks/{id}", "1.24", { result: empty() }),
  networkConnect: route("POST", "/networks/{id}/connect", "1.24", {
    body: jsonBody(networkConnectBody),
    result: empty(200),
  }),
  networkDisconnect: route("POST", "/networks/{id}/disconnect", "1.24", {
    body: jsonBody(networkDisconnectBody),
    result: empty(200),
  }),
  networkPrune: route("POST", "/networks/prune", "1.25", {
    query: { filters: queryFilters },
    result: json(networkPruneReport),
  }),

  explain: route("GET", "/tiffin/containers/{name}/explain", "1.24", {
    query: { ...explainQuery, against: queryText },
    result: json(explainResponse),
  }),
  explainRun: route("POST", "/tiffin/explain", "1.24", {
    query: { ...explainQuery, against: queryText },
    body: jsonBody(containerCreateBody),
    result: json(explainResponse),
  }),
  explainDifference: route("POST", "/tiffin/explain/difference", "1.24", {
    query: explainQuery,
    body: jsonBody(explainDifferenceBody),
    result: json(explainResponse),
  }),
  explainExec: route("POST", "/tiffin/containers/{name}/explain/exec", "1.24", {
    query: explainQuery,
    body: jsonBody(execCreateBody),
    result: json(explainResponse),
  }),
  explainRemove: route("GET", "/tiffin/containers/{name}/explain/rm", "1.24", {
    query: { ...explainQuery, force: queryFlag, v: queryFlag },
    result: json(explainResponse),
  }),
  explainNetwork: route("GET", "/tiffin/networks/{id}/explain", "1.24", {
    query: explainQuery,
    result: json(explainResponse),
  }),
  startTimed: route("POST", "/tiffin/containers/{name}/start", "1.24", {
    query: { lang: queryText },
    result: json(traceResponse),
  }),
  why: route("GET", "/tiffin/why", "1.24", {
    query: { from: queryText, to: queryText, probe: queryFlag, lang: queryText },
    result: json(whyResponse),
  }),
  trace: route("GET", "/tiffin/containers/{name}/trace", "1.24", {
    query: { lang: queryText },
    result: json(traceResponse),
  }),
  imageCheck: route("GET", "/tiffin/images/check", "1.24", {
    query: { names: queryList(queryText) },
    result: json(list(imageCheckItem)),
  }),
  registryManifests: route("GET", "/tiffin/registry/manifests/{name*}", "1.24", {
    query: { contents: queryFlag, insecure: queryFlag },
    headers: { "x-registry-auth": headerAuth },
    result: json(registryManifests),
  }),
  registryPutManifests: route("PUT", "/tiffin/registry/manifests/{name*}", "1.24", {
    query: { insecure: queryFlag },
    headers: { "x-registry-auth": headerAuth },
    body: jsonBody(manifestListBody),
    result: json(manifestListPushed),
  }),
  run: route("POST", "/tiffin/run", "1.24", { body: jsonBody(runBody), result: session }),
  execRun: route("POST", "/tiffin/containers/{name}/exec", "1.24", {
    body: jsonBody(execRunBody),
    result: session,
  }),
} as const;

export type RouteTable = typeof routes;
export type RouteName = keyof RouteTable;
