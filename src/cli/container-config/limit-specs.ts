/** The small grammars of limits, devices and policies in create options. Each throws `Error` with Docker's wording. Pure. */
import { isCdiName } from "../../docker/cdi-name.ts";
import { isIpAddress } from "../../docker/ip-address.ts";
import type { DeviceMapping, RestartPolicy, Ulimit } from "../../docker/types/host-config.ts";
import { ulimitNames } from "../../docker/ulimit-names.ts";
import { parseByteSize } from "../flags/byte-size.ts";

/** `name=soft[:hard]`; -1 is unlimited. */
export function parseUlimit(text: string): Ulimit {
  const match = /^([^=]+)=([^:]*)(?::(.*))?$/.exec(text);
  const [, name = "", softText = "", hardText] = match ?? [];
  if (match === null) throw new Error(`invalid ulimit argument: ${text}`);
  if (!ulimitNames.includes(name)) throw new Error(`invalid ulimit type: ${name}`);
  const number = (part: string): number => {
    if (!/^-?\d{1,15}$/.test(part))
      throw new Error(`strconv.ParseInt: parsing ${JSON.stringify(part)}: invalid syntax`);
    return Number(part);
  };
  const soft = number(softText);
  const hard = hardText === undefined ? soft : number(hardText);
  if (hard !== -1 && (soft === -1 || soft > hard)) {
    throw new Error(`ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
  }
  return { Name: name, Soft: soft, Hard: hard };
}

/** `source[:target][:permissions]`. */
export function parseDevice(text: string): DeviceMapping {
  const parts = text.split(":");
  const isMode = (part: string): boolean => /^[rwm]{1,3}$/.test(part) && new Set(part).size === part.length;
  const [source = "", second, third] = parts;
  if (parts.length > 3 || source === "") throw new Error(`invalid device specification: ${text}`);
  if (third !== undefined && !isMode(third)) throw new Error(`bad mode specified: ${third}`);
  const secondIsMode = third === undefined && second !== undefined && isMode(second);
  return {
    PathOnHost: source,
    PathInContainer: second === undefined || secondIsMode ? source : second,
    CgroupPermissions: third ?? (secondIsMode ? second : "rwm"),
  };
}

/** The words of `--device` that name a device of a vendor, as one request. */
export function cdiRequests(
  words: readonly string[],
): readonly { readonly Driver: string; readonly DeviceIDs: readonly string[] }[] {
  const names = words.filter(isCdiName);
  return names.length === 0 ? [] : [{ Driver: "cdi", DeviceIDs: names }];
}

/** `name[:count]`. The engine knows the names. */
export function parseRestartPolicy(text: string): RestartPolicy {
  if (text === "") return {};
  const colon = text.indexOf(":");
  if (colon < 0) return { Name: text };
  const [name, count] = [text.slice(0, colon), text.slice(colon + 1)];
  if (name === "") throw new Error("invalid restart policy format: no policy provided before colon");
  if (!/^[+-]?\d{1,9}$/.test(count))
    throw new Error("invalid restart policy format: maximum retry count must be an integer");
  return { Name: name, MaximumRetryCount: Number(count) };
}

/** CPUs as a decimal, in thousand-millionths. */
export function parseCpus(text: string): number {
  if (!/^[+-]?(\d+\.?\d*|\.\d+)$/.test(text)) throw new Error(`failed to parse ${text} as a rational number`);
  const nano = Number(text) * 1e9;
  if (Math.abs(nano - Math.round(nano)) > 1e-3) throw new Error("value is too precise");
  return Math.round(nano);
}

/** `/dev/path:weight`. */
export function parseDeviceWeight(text: string): { readonly Path: string; readonly Weight: number } {
  if (!text.includes(":")) throw new Error(`bad format: ${text}`);
  const match = /^(\/dev\/[^:]*):(\d{1,5})$/.exec(text);
  const weight = Number(match?.[2]);
  if (match?.[1] === undefined || (weight !== 0 && (weight < 10 || weight > 1000))) {
    throw new Error(`bad format or invalid weight for device: ${text}`);
  }
  return { Path: match[1], Weight: weight };
}

/** `/dev/path:rate`, bytes with a unit when `inBytes`. */
export function parseDeviceRate(
  text: string,
  inBytes: boolean,
): { readonly Path: string; readonly Rate: number } {
  const match = /^(\/dev\/[^:]*):(.+)$/.exec(text);
  const bad = new Error(
    `invalid rate for device: ${text}. The correct format is <device-path>:<number>[<unit>]`,
  );
  const [, path, rateText] = match ?? [];
  if (path === undefined || rateText === undefined) throw bad;
  if (!inBytes && !/^\d{1,15}$/.test(rateText)) throw bad;
  try {
    return { Path: path, Rate: inBytes ? parseByteSize(rateText) : Number(rateText) };
  } catch {
    throw bad;
  }
}

/** Upper case with `CAP_`, except for the word ALL. */
export function capabilityName(text: string): string {
  const name = text.trim().toUpperCase();
  return name === "ALL" || name.startsWith("CAP_") ? name : `CAP_${name}`;
}

/** `host:address` or `host=address`, in the former notation. */
export function parseExtraHost(text: string): string {
  const match = /^([^:=]+)[:=](.+)$/.exec(text);
  const [, name, address] = match ?? [];
  if (name === undefined || address === undefined)
    throw new Error(`bad format for add-host: ${JSON.stringify(text)}`);
  const plain = /^\[(.*)\]$/.exec(address)?.[1] ?? address;
  if (plain !== "host-gateway" && !isIpAddress(plain))
    throw new Error(`invalid IP address in add-host: ${JSON.stringify(address)}`);
  return `${name}:${plain}`;
}

/** An IPv4 or IPv6 address, as it is. */
export function checkAddress(text: string): string {
  if (!isIpAddress(text)) throw new Error(`IP address is not correctly formatted: ${text}`);
  return text;
}

/** A stream name of `--attach`, in lower case. */
export function attachStream(text: string): string {
  const name = text.toLowerCase();
  if (!["stdin", "stdout", "stderr"].includes(name))
    throw new Error("valid streams are STDIN, STDOUT and STDERR");
  return name;
}

/** `gpus` requests in the two forms that people use: `all`, a number, or `key=value` fields. */
export function parseGpus(text: string): {
  readonly Driver: string;
  readonly Count: number;
  readonly DeviceIDs?: readonly string[];
  readonly Capabilities: readonly (readonly string[])[];
} {
  let driver = "";
  let count: number | undefined;
  let ids: string[] | undefined;
  let capabilities = ["gpu"];
  for (const field of text.split(",")) {
    const equals = field.indexOf("=");
    const [key, value] = equals < 0 ? ["count", field] : [field.slice(0, equals), field.slice(equals + 1)];
    if (key === "count") {
      if (value !== "all" && !/^-?\d{1,6}$/.test(value)) {
        throw new Error(`invalid count (${value}): value must be either "all" or an integer: invalid syntax`);
      }
      count = value === "all" ? -1 : Number(value);
    } else if (key === "device") ids = value.split(";");
    else if (key === "driver") driver = value;
    else if (key === "capabilities") capabilities = [...capabilities, ...value.split(";")];
    else throw new Error(`unexpected key '${key}' in '${field}'`);
  }
  const base = { Driver: driver, Capabilities: [capabilities] };
  return ids === undefined ? { ...base, Count: count ?? 1 } : { ...base, Count: 0, DeviceIDs: ids };
}
