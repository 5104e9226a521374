/** What filters of a list may be given, checked before anything is compared, in Docker's words. Pure. */
import { invalidFilter } from "../../../docker/messages.ts";
import { TiffinError } from "../../../lib/errors.ts";

/** Throws `invalid` `container.filter`. */
export function refuseFilter(filter: string, value: string, why?: string): never {
  const message = invalidFilter(`${filter}=${value}`);
  throw new TiffinError("invalid", "container.filter", why === undefined ? message : `${message}: ${why}`);
}

/** One of the words, such as a state. */
export function requireWord(
  filter: string,
  noun: string,
  words: readonly string[],
  values: readonly string[],
): void {
  for (const value of values) {
    if (words.includes(value)) continue;
    refuseFilter(filter, value, `invalid value for ${noun} (${value}): must be one of ${words.join(", ")}`);
  }
}

/** Go's strconv.Atoi. */
export function requireInteger(filter: string, values: readonly string[]): void {
  for (const value of values) {
    if (!/^[+-]?[0-9]{1,18}$/.test(value)) {
      refuseFilter(filter, value, `strconv.Atoi: parsing ${JSON.stringify(value)}: invalid syntax`);
    }
  }
}

const yes = ["1", "true"];
const no = ["0", "false"];

/** One answer, whichever way it is written; several that agree are one. */
export function booleanOf(filter: string, values: readonly string[]): boolean {
  const isYes = values.every((value) => yes.includes(value));
  if (isYes || values.every((value) => no.includes(value))) return isYes;
  return refuseFilter(filter, `[${values.join(" ")}]`);
}

export interface PortRange {
  readonly first: number;
  readonly last: number;
  readonly protocol: string;
}

const highestPort = 65_535;

/** `80`, `80/udp`, `80-90/tcp`. */
export function portRangeOf(filter: string, value: string): PortRange {
  const no = (why: string): never => {
    throw new TiffinError(
      "invalid",
      "container.filter",
      `error while looking up for ${filter} ${value}: ${why}`,
    );
  };
  const slash = value.indexOf("/");
  const protocol = slash < 0 ? "tcp" : value.slice(slash + 1).toLowerCase();
  const [first = "", last = first, ...rest] = (slash < 0 ? value : value.slice(0, slash)).split("-");
  for (const number of [first, last]) {
    const parsing = `strconv.ParseUint: parsing ${JSON.stringify(number)}`;
    if (!/^[0-9]+$/.test(number)) no(`${parsing}: invalid syntax`);
    if (Number(number) > highestPort) no(`${parsing}: value out of range`);
  }
  if (rest.length > 0 || Number(last) < Number(first)) no(`invalid range specified for port: ${value}`);
  if (!["tcp", "udp", "sctp"].includes(protocol)) no(`invalid proto: ${protocol}`);
  return { first: Number(first), last: Number(last), protocol };
}
