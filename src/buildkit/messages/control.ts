/** BuildKit's control service: builds, their progress, their history, and what is cached. Numbers are those of control.proto. */
import { field } from "../protobuf/field.ts";
import { message, type Of } from "../protobuf/message.ts";
import { definition, platform, progressGroup, range, sourceInfo } from "./llb.ts";
import { rpcStatus, timestamp } from "./timestamp.ts";

export const pruneRequest = message({
  filters: field.texts(1),
  all: field.flag(2),
  keepDurationNs: field.int64(3),
  reservedSpace: field.integer(4),
  maxUsedSpace: field.integer(5),
  minFreeSpace: field.integer(6),
});

export const diskUsageRequest = message({ filters: field.texts(1), ageLimitNs: field.int64(2) });
export const usageRecord = message({
  id: field.text(1),
  mutable: field.flag(2),
  inUse: field.flag(3),
  size: field.integer(4),
  createdAt: field.message(6, timestamp),
  lastUsedAt: field.message(7, timestamp),
  usageCount: field.integer(8),
  description: field.text(9),
  recordType: field.text(10),
  shared: field.flag(11),
  parents: field.texts(12),
});
export type UsageRecord = Of<typeof usageRecord>;
export const diskUsageResponse = message({ records: field.messages(1, usageRecord) });

export const cacheEntry = message({ type: field.text(1), attributes: field.textMap(2) });
export const exporter = message({ type: field.text(1), attributes: field.textMap(2) });
export type Exporter = Of<typeof exporter>;

const cacheOptions = message({
  /** The older way to say one export to, and imports from, a registry. */
  exportReference: field.text(1),
  importReferences: field.texts(2),
  exportAttributes: field.textMap(3),
  exports: field.messages(4, cacheEntry),
  imports: field.messages(5, cacheEntry),
});

export const solveRequest = message({
  ref: field.text(1),
  definition: field.message(2, definition),
  /** The older way to say one exporter. */
  exporterType: field.text(3),
  exporterAttributes: field.textMap(4),
  session: field.text(5),
  frontend: field.text(6),
  frontendAttributes: field.textMap(7),
  cache: field.message(8, cacheOptions),
  entitlements: field.texts(9),
  frontendInputs: field.messageMap(10, definition),
  /** Leaves no history. */
  internal: field.flag(11),
  sourcePolicy: field.message(12, message({ rules: field.chunks(2) })),
  exporters: field.messages(13, exporter),
});
export type SolveRequest = Of<typeof solveRequest>;
export const solveResponse = message({ exporterResponse: field.textMap(1) });

export const vertex = message({
  digest: field.text(1),
  inputs: field.texts(2),
  name: field.text(3),
  cached: field.flag(4),
  started: field.message(5, timestamp),
  completed: field.message(6, timestamp),
  error: field.text(7),
  progressGroup: field.message(8, progressGroup),
});
export type Vertex = Of<typeof vertex>;
export const vertexStatus = message({
  id: field.text(1),
  vertex: field.text(2),
  name: field.text(3),
  current: field.integer(4),
  total: field.integer(5),
  timestamp: field.message(6, timestamp),
  started: field.message(7, timestamp),
  completed: field.message(8, timestamp),
});
export const vertexLog = message({
  vertex: field.text(1),
  timestamp: field.message(2, timestamp),
  /** 1 standard output, 2 standard error. */
  stream: field.integer(3),
  bytes: field.bytes(4),
});
export const vertexWarning = message({
  vertex: field.text(1),
  level: field.integer(2),
  short: field.bytes(3),
  detail: field.chunks(4),
  url: field.text(5),
  info: field.message(6, sourceInfo),
  ranges: field.messages(7, range),
});
export const statusRequest = message({ ref: field.text(1) });
export const statusResponse = message({
  vertexes: field.messages(1, vertex),
  statuses: field.messages(2, vertexStatus),
  logs: field.messages(3, vertexLog),
  warnings: field.messages(4, vertexWarning),
});
export type StatusResponse = Of<typeof statusResponse>;

const buildkitVersion = message({
  package: field.text(1),
  version: field.text(2),
  revision: field.text(3),
  dockerfileVersion: field.text(4),
});
const gcPolicy = message({
  all: field.flag(1),
  keepDurationNs: field.int64(2),
  reservedSpace: field.integer(3),
  filters: field.texts(4),
  maxUsedSpace: field.integer(5),
  minFreeSpace: field.integer(6),
});
export const workerRecord = message({
  id: field.text(1),
  labels: field.textMap(2),
  platforms: field.messages(3, platform),
  policies: field.messages(4, gcPolicy),
  version: field.message(5, buildkitVersion),
});
export type WorkerRecord = Of<typeof workerRecord>;
export const listWorkersRequest = message({ filters: field.texts(1) });
export const listWorkersResponse = message({ records: field.messages(1, workerRecord) });
export const infoResponse = message({ version: field.message(1, buildkitVersion) });

export const descriptor = message({
  mediaType: field.text(1),
  digest: field.text(2),
  size: field.integer(3),
  annotations: field.textMap(5),
});
const buildResult = message({
  result: field.message(1, descriptor),
  attestations: field.messages(2, descriptor),
});
export const historyEventTypes = { started: 0, complete: 1, deleted: 2 } as const;
export const historyRequest = message({
  activeOnly: field.flag(1),
  ref: field.text(2),
  earlyExit: field.flag(3),
  filters: field.texts(4),
  limit: field.int32(5),
});
export const historyRecord = message({
  ref: field.text(1),
  frontend: field.text(2),
  frontendAttributes: field.textMap(3),
  exporters: field.messages(4, exporter),
  error: field.message(5, rpcStatus),
  createdAt: field.message(6, timestamp),
  completedAt: field.message(7, timestamp),
  logs: field.message(8, descriptor),
  exporterResponse: field.textMap(9),
  result: field.message(10, buildResult),
  generation: field.int32(12),
  pinned: field.flag(14),
  cachedSteps: field.int32(15),
  totalSteps: field.int32(16),
  completedSteps: field.int32(17),
  warnings: field.int32(19),
});
export type HistoryRecord = Of<typeof historyRecord>;
export const historyEvent = message({ type: field.uint32(1), record: field.message(2, historyRecord) });
export const updateHistoryRequest = message({
  ref: field.text(1),
  pinned: field.flag(2),
  delete: field.flag(3),
  finalise: field.flag(4),
});
