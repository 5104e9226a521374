/** What a question comes to: an answer of ours, none at all, or the servers that are to be asked. Pure. */
import { ipv4Bytes, parseIpv4 } from "../../../linux/netlink/ipv4.ts";
import { type AnswerRecord, type Question, type ReplyCode, recordTypes } from "./message.ts";

/** The container that asks, as far as names go. */
export interface Asker {
  /** Undefined: nobody has that name there. */
  addressesOf(name: string): readonly string[] | undefined;
  /** The container's name with that of the network that the address belongs to. */
  nameOf(address: string): string | undefined;
  /** It has no way out, so nothing that it asks goes out either. */
  readonly isClosed: boolean;
  /** Whom to ask for all other names. */
  readonly servers: readonly string[];
}

export type Decision =
  | { readonly kind: "answer"; readonly code: ReplyCode; readonly records: readonly AnswerRecord[] }
  | { readonly kind: "forward"; readonly servers: readonly string[] };

const reverseZone = ".in-addr.arpa";

function answer(code: ReplyCode, records: readonly AnswerRecord[] = []): Decision {
  return { kind: "answer", code, records };
}

/** `turn` counts queries: of several containers with one alias each is the first in its turn. */
export function decideAnswer(question: Question, asker: Asker, turn: number): Decision {
  const { name, type } = question;
  if (question.isInternet) {
    if (name.endsWith(reverseZone)) {
      const address = name.slice(0, -reverseZone.length).split(".").reverse().join(".");
      const found = asker.nameOf(address);
      if (found !== undefined)
        return answer("none", type === recordTypes.ptr ? [{ type: "ptr", name: found }] : []);
    } else {
      const addresses = asker.addressesOf(name);
      if (addresses !== undefined) {
        const records = addresses.flatMap((text): AnswerRecord[] => {
          const address = parseIpv4(text);
          return address === undefined ? [] : [{ type: "a", address: ipv4Bytes(address) }];
        });
        const first = records.length === 0 ? 0 : turn % records.length;
        // The name is there, whatever is asked of it.
        return answer(
          "none",
          type === recordTypes.a ? [...records.slice(first), ...records.slice(0, first)] : [],
        );
      }
    }
  }
  if (!asker.isClosed && asker.servers.length > 0) return { kind: "forward", servers: asker.servers };
  return answer(name.includes(".") ? "failure" : "noName");
}
