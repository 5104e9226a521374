/** rtnetlink rules: which routing table is asked for which packet, in order of priority. linux/fib_rules.h */
import {
  Attributes,
  messageFlags,
  NetlinkDecodeError,
  type NetlinkMessage,
  type NetlinkRequest,
} from "./message.ts";

export const ruleMessages = { new: 32, delete: 33, get: 34 } as const;
const attribute = {
  destination: 1,
  source: 2,
  inputLink: 3,
  priority: 6,
  mark: 10,
  table: 15,
  outputLink: 17,
} as const;
const headerBytes = 12;
/** FR_ACT_* */
export const ruleActions = { table: 1, goto: 2, nop: 3, blackhole: 6, unreachable: 7, prohibit: 8 } as const;

export interface Rule {
  readonly priority: number;
  readonly source?: Uint8Array;
  readonly sourceLength: number;
  readonly destination?: Uint8Array;
  readonly destinationLength: number;
  readonly inputLink?: string;
  readonly outputLink?: string;
  readonly mark?: number;
  readonly table: number;
  readonly action: number;
}

/** RTM_GETRULE dump of a family. */
export function dumpRules(family: number): NetlinkRequest {
  return {
    type: ruleMessages.get,
    flags: messageFlags.request | messageFlags.dump,
    object: "rules",
    body: (writer) => writer.raw(Uint8Array.of(family, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0)),
  };
}

/** Decodes RTM_NEWRULE. */
export function decodeRule({ payload }: NetlinkMessage): Rule {
  if (payload.length < headerBytes) {
    throw new NetlinkDecodeError(`rule message has ${payload.length} bytes, wanted at least ${headerBytes}`);
  }
  const view = new DataView(payload.buffer, payload.byteOffset, payload.byteLength);
  const attributes = new Attributes(payload.subarray(headerBytes));
  const source = attributes.bytes(attribute.source)?.slice();
  const destination = attributes.bytes(attribute.destination)?.slice();
  const inputLink = attributes.string(attribute.inputLink);
  const outputLink = attributes.string(attribute.outputLink);
  const mark = attributes.u32(attribute.mark);
  return {
    priority: attributes.u32(attribute.priority) ?? 0,
    sourceLength: view.getUint8(2),
    destinationLength: view.getUint8(1),
    ...(source === undefined ? {} : { source }),
    ...(destination === undefined ? {} : { destination }),
    ...(inputLink === undefined ? {} : { inputLink }),
    ...(outputLink === undefined ? {} : { outputLink }),
    ...(mark === undefined || mark === 0 ? {} : { mark }),
    table: attributes.u32(attribute.table) ?? view.getUint8(4),
    action: view.getUint8(7),
  };
}
