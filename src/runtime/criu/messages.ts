/**
 * The messages of CRIU's RPC (its images/rpc.proto) that checkpoint and restore need, as types and as tables of
 * field numbers. The bytes themselves are left to a protobuf library; a table is all that a generator would make of
 * this part of the file.
 */
import { BinaryReader, BinaryWriter, WireType } from "@bufbuild/protobuf/wire";

export const requestTypes = {
  dump: 1,
  restore: 2,
  preDump: 4,
  notify: 6,
  featureCheck: 9,
  version: 10,
} as const;
export type RequestType = keyof typeof requestTypes;

/** What criu does with cgroups: the names of `--manage-cgroups-mode` and their numbers. */
export const cgroupModes = { ignore: 0, soft: 3, full: 4, strict: 5 } as const;

/** How criu holds connections up while it works. */
export const networkLocks = { iptables: 1, nftables: 2 } as const;

export interface Mapping {
  readonly key: string;
  readonly value: string;
}

/** struct criu_opts. Descriptors are numbers of the process that sends the request, except in `inheritFds`. */
export interface CriuOptions {
  readonly imagesDirectory: number;
  readonly workDirectory?: number;
  readonly pid?: number;
  readonly leaveRunning?: boolean;
  readonly externalUnixSockets?: boolean;
  readonly tcpEstablished?: boolean;
  readonly tcpSkipInFlight?: boolean;
  readonly evasiveDevices?: boolean;
  readonly shellJob?: boolean;
  readonly fileLocks?: boolean;
  readonly logLevel?: number;
  readonly logFile?: string;
  readonly pageServer?: { readonly address: string; readonly port: number };
  readonly notifyScripts?: boolean;
  readonly root?: string;
  /** Path of another image, from this one's directory. */
  readonly parentImage?: string;
  readonly trackMemory?: boolean;
  readonly autoDedup?: boolean;
  readonly externalMounts?: readonly Mapping[];
  readonly manageCgroups?: boolean;
  readonly cgroupRoots?: readonly { readonly controller: string; readonly path: string }[];
  /** The restored process is a child of whoever started criu. */
  readonly restoreSibling?: boolean;
  /** Numbers are criu's own. */
  readonly inheritFds?: readonly { readonly key: string; readonly fd: number }[];
  readonly cgroupMode?: number;
  readonly external?: readonly string[];
  /** CLONE_NEW* of the namespaces whose content is left out. */
  readonly emptyNamespaces?: number;
  readonly freezeCgroup?: string;
  readonly lazyPages?: boolean;
  readonly statusFd?: number;
  readonly orphanPtsMaster?: boolean;
  readonly configFile?: string;
  readonly lsmProfile?: string;
  readonly lsmMountContext?: string;
  readonly networkLock?: number;
}

/** What the kernel under criu can do, as asked for by `featureCheck`. */
export interface CriuFeatures {
  readonly memoryTracking?: boolean;
  readonly lazyPages?: boolean;
}

export interface CriuRequest {
  readonly type: RequestType;
  readonly options?: CriuOptions;
  readonly notifySuccess?: boolean;
  /** Another request follows on the same connection. */
  readonly keepOpen?: boolean;
  readonly features?: CriuFeatures;
}

export interface CriuResponse {
  /** A number of `requestTypes`. */
  readonly type: number;
  readonly success: boolean;
  readonly restoredPid: number | undefined;
  readonly notification: { readonly script: string; readonly pid: number } | undefined;
  readonly errno: number;
  readonly errorMessage: string;
  readonly version: { readonly major: number; readonly minor: number } | undefined;
  readonly features: CriuFeatures;
}

type Scalar = "int" | "bool" | "text";
type Field = readonly [number: number, kind: Scalar | Table];
interface Table {
  readonly [name: string]: Field;
}
type TableOf<T> = { readonly [Name in keyof Required<T>]: Field };

const optionFields = {
  imagesDirectory: [1, "int"],
  pid: [2, "int"],
  leaveRunning: [3, "bool"],
  externalUnixSockets: [4, "bool"],
  tcpEstablished: [5, "bool"],
  evasiveDevices: [6, "bool"],
  shellJob: [7, "bool"],
  fileLocks: [8, "bool"],
  logLevel: [9, "int"],
  logFile: [10, "text"],
  pageServer: [11, { address: [1, "text"], port: [2, "int"] }],
  notifyScripts: [12, "bool"],
  root: [13, "text"],
  parentImage: [14, "text"],
  trackMemory: [15, "bool"],
  autoDedup: [16, "bool"],
  workDirectory: [17, "int"],
  externalMounts: [23, { key: [1, "text"], value: [2, "text"] }],
  manageCgroups: [24, "bool"],
  cgroupRoots: [25, { controller: [1, "text"], path: [2, "text"] }],
  restoreSibling: [26, "bool"],
  inheritFds: [27, { key: [1, "text"], fd: [2, "int"] }],
  cgroupMode: [34, "int"],
  external: [37, "text"],
  emptyNamespaces: [38, "int"],
  freezeCgroup: [44, "text"],
  tcpSkipInFlight: [46, "bool"],
  lazyPages: [48, "bool"],
  statusFd: [49, "int"],
  orphanPtsMaster: [50, "bool"],
  configFile: [51, "text"],
  lsmProfile: [53, "text"],
  lsmMountContext: [63, "text"],
  networkLock: [64, "int"],
} as const satisfies TableOf<CriuOptions>;

const requestFields = {
  type: [1, "int"],
  options: [2, optionFields],
  notifySuccess: [3, "bool"],
  keepOpen: [4, "bool"],
  features: [5, { memoryTracking: [1, "bool"], lazyPages: [2, "bool"] }],
} as const satisfies TableOf<CriuRequest>;

function writeMessage(writer: BinaryWriter, fields: Table, message: object): void {
  for (const [name, value] of Object.entries(message) as [string, unknown][]) {
    const field = fields[name];
    if (field === undefined || value === undefined) continue;
    for (const one of Array.isArray(value) ? (value as unknown[]) : [value]) writeField(writer, field, one);
  }
}

function writeField(writer: BinaryWriter, [number, kind]: Field, value: unknown): void {
  if (kind === "text") writer.tag(number, WireType.LengthDelimited).string(String(value));
  else if (kind === "int") writer.tag(number, WireType.Varint).int32(Number(value));
  else if (kind === "bool") writer.tag(number, WireType.Varint).bool(value === true);
  else if (typeof value === "object" && value !== null) {
    writer.tag(number, WireType.LengthDelimited).fork();
    writeMessage(writer, kind, value);
    writer.join();
  }
}

export function encodeRequest(request: CriuRequest): Uint8Array {
  const writer = new BinaryWriter();
  writeMessage(writer, requestFields, { ...request, type: requestTypes[request.type] });
  return writer.finish();
}

/** Calls `field` for each field until the end; one that it does not read (false) is skipped. */
function readMessage(reader: BinaryReader, length: number, field: (number: number) => boolean): void {
  const end = reader.pos + length;
  while (reader.pos < end) {
    const [number, wireType] = reader.tag();
    if (!field(number)) reader.skip(wireType, number);
  }
}

function readNumbers(reader: BinaryReader): ReadonlyMap<number, number> {
  const numbers = new Map<number, number>();
  readMessage(reader, reader.uint32(), (number) => {
    numbers.set(number, reader.int32());
    return true;
  });
  return numbers;
}

/** Throws an `Error` of the library for bytes that are no message. */
export function decodeResponse(bytes: Uint8Array): CriuResponse {
  const reader = new BinaryReader(bytes);
  let response: CriuResponse = {
    type: 0,
    success: false,
    restoredPid: undefined,
    notification: undefined,
    errno: 0,
    errorMessage: "",
    version: undefined,
    features: {},
  };
  readMessage(reader, bytes.length, (number) => {
    const part = readResponseField(reader, number);
    if (part === undefined) return false;
    response = { ...response, ...part };
    return true;
  });
  return response;
}

function readResponseField(reader: BinaryReader, number: number): Partial<CriuResponse> | undefined {
  switch (number) {
    case 1:
      return { type: reader.int32() };
    case 2:
      return { success: reader.bool() };
    case 4:
      return { restoredPid: readNumbers(reader).get(1) };
    case 5:
      return { notification: readNotification(reader) };
    case 7:
      return { errno: reader.int32() };
    case 8: {
      const flags = readNumbers(reader);
      return { features: { memoryTracking: flags.get(1) === 1, lazyPages: flags.get(2) === 1 } };
    }
    case 9:
      return { errorMessage: reader.string() };
    case 10:
      return { version: readVersion(reader) };
    default:
      return undefined;
  }
}

function readVersion(reader: BinaryReader): NonNullable<CriuResponse["version"]> {
  let [major, minor] = [0, 0];
  readMessage(reader, reader.uint32(), (number) => {
    if (number === 1) major = reader.int32();
    else if (number === 2) minor = reader.int32();
    else return false;
    return true;
  });
  return { major, minor };
}

function readNotification(reader: BinaryReader): NonNullable<CriuResponse["notification"]> {
  let [script, pid] = ["", 0];
  readMessage(reader, reader.uint32(), (number) => {
    if (number === 1) script = reader.string();
    else if (number === 2) pid = reader.int32();
    else return false;
    return true;
  });
  return { script, pid };
}
