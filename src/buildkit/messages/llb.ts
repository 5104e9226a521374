/** LLB, the graph that frontends produce: operations, what they work on, and notes about them. Numbers are those of ops.proto. */
import { field } from "../protobuf/field.ts";
import { message, type Of } from "../protobuf/message.ts";

export const platform = message({
  architecture: field.text(1),
  os: field.text(2),
  variant: field.text(3),
  osVersion: field.text(4),
  osFeatures: field.texts(5),
});
export type PlatformMessage = Of<typeof platform>;

const proxyEnvironment = message({
  http: field.text(1),
  https: field.text(2),
  ftp: field.text(3),
  no: field.text(4),
  all: field.text(5),
});

const execMeta = message({
  args: field.texts(1),
  env: field.texts(2),
  cwd: field.text(3),
  user: field.text(4),
  proxy: field.message(5, proxyEnvironment),
  extraHosts: field.messages(6, message({ host: field.text(1), ip: field.text(2) })),
  hostname: field.text(7),
  ulimits: field.messages(
    9,
    message({ name: field.text(1), soft: field.integer(2), hard: field.integer(3) }),
  ),
  cgroupParent: field.text(10),
  validExitCodes: field.uint32s(12),
});

export const networkModes = { sandbox: 0, host: 1, none: 2 } as const;
export const mountTypes = { bind: 0, secret: 1, ssh: 2, cache: 3, tmpfs: 4 } as const;
export const cacheSharings = { shared: 0, private: 1, locked: 2 } as const;

const secretOption = message({
  id: field.text(1),
  uid: field.uint32(2),
  gid: field.uint32(3),
  mode: field.uint32(4),
  optional: field.flag(5),
});

export const execMount = message({
  /** Number of the input; -1 is nothing. */
  input: field.integer(1),
  selector: field.text(2),
  destination: field.text(3),
  /** Number of the output; -1 is none. */
  output: field.integer(4),
  readOnly: field.flag(5),
  type: field.uint32(6),
  tmpfs: field.message(19, message({ size: field.integer(1) })),
  cache: field.message(20, message({ id: field.text(1), sharing: field.uint32(2) })),
  secret: field.message(21, secretOption),
  ssh: field.message(22, secretOption),
});
export type ExecMount = Of<typeof execMount>;

export const execOperation = message({
  meta: field.message(1, execMeta),
  mounts: field.messages(2, execMount),
  network: field.uint32(3),
  security: field.uint32(4),
  secretEnvironment: field.messages(
    5,
    message({ id: field.text(1), name: field.text(2), optional: field.flag(3) }),
  ),
  devices: field.messages(6, message({ name: field.text(1), optional: field.flag(2) })),
});
export type ExecOperation = Of<typeof execOperation>;

export const sourceOperation = message({ identifier: field.text(1), attributes: field.textMap(2) });
export type SourceOperation = Of<typeof sourceOperation>;

const user = message({
  byName: field.message(1, message({ name: field.text(1), input: field.integer(2) })),
  byId: field.uint32(2),
});
const owner = message({ user: field.message(1, user), group: field.message(2, user) });
export type OwnerMessage = Of<typeof owner>;

const copyAction = message({
  source: field.text(1),
  destination: field.text(2),
  owner: field.message(3, owner),
  /** -1: as it was. */
  mode: field.int32(4),
  followSymlink: field.flag(5),
  contentsOnly: field.flag(6),
  unpack: field.flag(7),
  createPath: field.flag(8),
  wildcard: field.flag(9),
  emptyWildcard: field.flag(10),
  timestamp: field.int64(11),
  include: field.texts(12),
  exclude: field.texts(13),
  replace: field.flag(14),
  modeText: field.text(15),
  required: field.texts(16),
});
export type CopyAction = Of<typeof copyAction>;
const makeFileAction = message({
  path: field.text(1),
  mode: field.int32(2),
  data: field.bytes(3),
  owner: field.message(4, owner),
  timestamp: field.int64(5),
});
const makeDirectoryAction = message({
  path: field.text(1),
  mode: field.int32(2),
  parents: field.flag(3),
  owner: field.message(4, owner),
  timestamp: field.int64(5),
});
const removeAction = message({ path: field.text(1), allowNotFound: field.flag(2), wildcard: field.flag(3) });
const symlinkAction = message({
  target: field.text(1),
  path: field.text(2),
  owner: field.message(3, owner),
  timestamp: field.int64(4),
});

export const fileAction = message({
  /** An input of the operation, or what an earlier action came to (counted on from the inputs). */
  input: field.integer(1),
  secondary: field.integer(2),
  output: field.integer(3),
  copy: field.message(4, copyAction),
  makeFile: field.message(5, makeFileAction),
  makeDirectory: field.message(6, makeDirectoryAction),
  remove: field.message(7, removeAction),
  symlink: field.message(8, symlinkAction),
});
export type FileAction = Of<typeof fileAction>;

const inputNumber = message({ input: field.integer(1) });

export const operation = message({
  inputs: field.messages(1, message({ digest: field.text(1), index: field.integer(2) })),
  exec: field.message(2, execOperation),
  source: field.message(3, sourceOperation),
  file: field.message(4, message({ actions: field.messages(2, fileAction) })),
  build: field.message(5, message({})),
  merge: field.message(6, message({ inputs: field.messages(1, inputNumber) })),
  diff: field.message(
    7,
    message({ lower: field.message(1, inputNumber), upper: field.message(2, inputNumber) }),
  ),
  platform: field.message(10, platform),
});
export type Operation = Of<typeof operation>;

export const progressGroup = message({ id: field.text(1), name: field.text(2), weak: field.flag(3) });

export const operationNotes = message({
  ignoreCache: field.flag(1),
  description: field.textMap(2),
  progressGroup: field.message(6, progressGroup),
});

const position = message({ line: field.int32(1), character: field.int32(2) });
export const range = message({ start: field.message(1, position), end: field.message(2, position) });
/** The definition within it, which might hold another, is left out. */
export const sourceInfo = message({ fileName: field.text(1), data: field.bytes(2), language: field.text(4) });
const location = message({ sourceIndex: field.int32(1), ranges: field.messages(2, range) });

export const definition = message({
  /** Operations, each by itself: their digests name them. */
  operations: field.chunks(1),
  notes: field.messageMap(2, operationNotes),
  source: field.message(
    3,
    message({
      locations: field.messageMap(1, message({ locations: field.messages(1, location) })),
      infos: field.messages(2, sourceInfo),
    }),
  ),
});
export type Definition = Of<typeof definition>;
