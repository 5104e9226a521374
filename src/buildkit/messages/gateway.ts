/** The gateway, by which a client's own frontend asks for parts of a build. Numbers are those of gateway.proto and caps.proto. */
import { field } from "../protobuf/field.ts";
import { message, type Of } from "../protobuf/message.ts";
import { cacheEntry, workerRecord } from "./control.ts";
import { fileStat } from "./file-sync.ts";
import { definition, platform, range, sourceInfo, sourceOperation } from "./llb.ts";
import { rpcStatus } from "./timestamp.ts";

const capability = message({ id: field.text(1), enabled: field.flag(2) });
export const pongResponse = message({
  frontendCapabilities: field.messages(1, capability),
  llbCapabilities: field.messages(2, capability),
  workers: field.messages(3, workerRecord),
});

const reference = message({ id: field.text(1), definition: field.message(2, definition) });
export const result = message({
  /** The older forms, without the definition. */
  plainRef: field.text(1),
  plainRefs: field.message(2, message({ refs: field.textMap(1) })),
  ref: field.message(3, reference),
  refs: field.message(4, message({ refs: field.messageMap(1, reference) })),
  metadata: field.bytesMap(10),
});
export type Result = Of<typeof result>;
export const returnRequest = message({
  result: field.message(1, result),
  error: field.message(2, rpcStatus),
});

export const gatewaySolveRequest = message({
  definition: field.message(1, definition),
  frontend: field.text(2),
  frontendOptions: field.textMap(3),
  allowResultReturn: field.flag(5),
  allowResultArrayRef: field.flag(6),
  final: field.flag(10),
  exporterAttributes: field.bytes(11),
  cacheImports: field.messages(12, cacheEntry),
  frontendInputs: field.messageMap(13, definition),
  evaluate: field.flag(14),
});
export type GatewaySolveRequest = Of<typeof gatewaySolveRequest>;
export const gatewaySolveResponse = message({ ref: field.text(1), result: field.message(3, result) });

export const resolveImageRequest = message({
  ref: field.text(1),
  platform: field.message(2, platform),
  resolveMode: field.text(3),
  logName: field.text(4),
});
export const resolveImageResponse = message({
  digest: field.text(1),
  config: field.bytes(2),
  ref: field.text(3),
});
export const resolveSourceRequest = message({
  source: field.message(1, sourceOperation),
  platform: field.message(2, platform),
  logName: field.text(3),
  resolveMode: field.text(4),
});
export const resolveSourceResponse = message({
  source: field.message(1, sourceOperation),
  image: field.message(2, message({ digest: field.text(1), config: field.bytes(2) })),
});

export const readFileRequest = message({
  ref: field.text(1),
  path: field.text(2),
  range: field.message(3, message({ offset: field.integer(1), length: field.integer(2) })),
});
export const readFileResponse = message({ data: field.bytes(1) });
export const readDirectoryRequest = message({
  ref: field.text(1),
  path: field.text(2),
  include: field.text(3),
});
export const readDirectoryResponse = message({ entries: field.messages(1, fileStat) });
export const statFileRequest = message({ ref: field.text(1), path: field.text(2) });
export const statFileResponse = message({ stat: field.message(1, fileStat) });
export const evaluateRequest = message({ ref: field.text(1) });
export const inputsResponse = message({ definitions: field.messageMap(1, definition) });
export const warnRequest = message({
  digest: field.text(1),
  level: field.integer(2),
  short: field.bytes(3),
  detail: field.chunks(4),
  url: field.text(5),
  info: field.message(6, sourceInfo),
  ranges: field.messages(7, range),
});
