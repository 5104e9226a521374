/** What a question comes to: an answer of ours, none at all, or the servers that are to be asked. Pure. */
import { ipv4Bytes, parseIpv4 } from "../../../linux/netlink/ipv4.ts";
import { formatIpv6, ipv6Bytes, parseIpv6 } from "../../../linux/netlink/ipv6.ts";
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
const reverseZone6 = ".ip6.arpa";
const nibblesOfAddress = 32;

/** The address that a reverse name stands for; undefined when it stands for none. */
function reversed(name: string): string | undefined {
  if (name.endsWith(reverseZone)) return name.slice(0, -reverseZone.length).split(".").reverse().join(".");
  if (!name.endsWith(reverseZone6)) return undefined;
  const nibbles = name.slice(0, -reverseZone6.length).split(".").reverse();
  if (nibbles.length !== nibblesOfAddress || !nibbles.every((each) => /^[0-9a-f]$/.test(each)))
    return undefined;
  return formatIpv6(BigInt(`0x${nibbles.join("")}`));
}

function answer(code: ReplyCode, records: readonly AnswerRecord[] = []): Decision {
  return { kind: "answer", code, records };
}

/** `turn` counts queries: of several containers with one alias each is the first in its turn. */
export function decideAnswer(question: Question, asker: Asker, turn: number): Decision {
  const { name, type } = question;
  if (question.isInternet) {
    const address = reversed(name);
    if (address !== undefined) {
      const found = asker.nameOf(address);
      if (found !== undefined)
        return answer("none", type === recordTypes.ptr ? [{ type: "ptr", name: found }] : []);
    } else {
      const addresses = asker.addressesOf(name);
      if (addresses !== undefined) {
        const records = addresses.flatMap((text): AnswerRecord[] => {
          const address = parseIpv4(text);
          if (address !== undefined) return [{ type: "a", address: ipv4Bytes(address) }];
          const address6 = parseIpv6(text);
          return address6 === undefined ? [] : [{ type: "aaaa", address: ipv6Bytes(address6) }];
        });
        // The name is there, whatever is asked of it.
        const asked = records.filter((record) => recordTypes[record.type] === type);
        const first = asked.length === 0 ? 0 : turn % asked.length;
        return answer("none", [...asked.slice(first), ...asked.slice(0, first)]);
      }
    }
  }
  if (!asker.isClosed && asker.servers.length > 0) return { kind: "forward", servers: asker.servers };
  return answer(name.includes(".") ? "failure" : "noName");
}
