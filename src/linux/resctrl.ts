/**
 * Intel RDT's classes of service and monitoring groups, as the file system resctrl shows them. What the specification's
 * `linux.intelRdt` means is decided here; kernel documentation: filesystems/resctrl.
 */
import { TiffinError } from "../lib/errors.ts";

/** `linux.intelRdt` of the specification, and what `update` may change of it. */
export interface ResctrlRequest {
  /** Absent: a class of its own, named by the container; `/`: the default class. */
  readonly closID?: string;
  readonly schemata?: readonly string[];
  readonly l3CacheSchema?: string;
  readonly memBwSchema?: string;
  readonly enableMonitoring?: boolean;
}

export interface ResctrlDecision {
  /** Below the mount point: `/NAME`, or empty for the default class. */
  readonly directory: string;
  /** Made for this container alone, and removed with it. */
  readonly isOwn: boolean;
  /** For the class's `schemata`, in this order: a later line wins. */
  readonly lines: readonly string[];
  /** The group's directory below the mount point. */
  readonly monitor?: string;
}

/** What resctrl itself has in a class, and so cannot be the name of one. */
const reserved = new Set([".", "..", "info", "mon_data", "mon_groups"]);

function invalid(text: string): never {
  throw new TiffinError("invalid", "resctrl.invalid", text);
}

function className(name: string, field: string): string {
  if (name === "/") return "";
  if (name !== "" && !/[/\n\0]/.test(name) && !reserved.has(name)) return `/${name}`;
  return invalid(`${field} is ${JSON.stringify(name)}, wanted a name that resctrl has no file of, or "/"`);
}

/** The class for the container `id`, and what is written into it. Throws `invalid`. */
export function decideResctrl(request: ResctrlRequest, id: string): ResctrlDecision {
  const isOwn = request.closID === undefined || request.closID === "";
  const directory = isOwn
    ? className(id, "the container's id")
    : className(request.closID, "intelRdt.closID");
  const monitor = `${directory}/mon_groups${className(id, "the container's id")}`;
  return {
    directory,
    isOwn,
    lines: schemataLines(request),
    ...(request.enableMonitoring === true && { monitor }),
  };
}

/** The lines for `schemata`, without the `MB:` lines of the cache's text where there is a text for the memory. */
export function schemataLines({
  schemata = [],
  l3CacheSchema = "",
  memBwSchema = "",
}: ResctrlRequest): string[] {
  if (memBwSchema !== "" && (!memBwSchema.startsWith("MB:") || memBwSchema.includes("\n"))) {
    invalid(`intelRdt.memBwSchema is ${JSON.stringify(memBwSchema)}, wanted one line that begins with MB:`);
  }
  const broken = schemata.find((line) => line.includes("\n"));
  if (broken !== undefined) invalid(`intelRdt.schemata has ${JSON.stringify(broken)}, wanted one line each`);
  const cache = l3CacheSchema
    .split("\n")
    .filter((line) => line.trim() !== "" && !line.trim().startsWith("MB:"));
  return [...cache, ...(memBwSchema === "" ? [] : [memBwSchema]), ...schemata];
}

/** `L3:0=ff;1=0f` as `L3` and its domains. Bit masks count without leading zeros, and in either case. */
function parseLine(line: string): readonly [resource: string, ReadonlyMap<string, string>] | undefined {
  const colon = line.indexOf(":");
  if (colon < 0) return undefined;
  const domains = line
    .slice(colon + 1)
    .split(";")
    .map((part) => part.trim().split("="))
    .filter(([domain]) => domain !== "")
    .map(([domain = "", value = ""]) => [domain.trim(), canonical(value)] as const);
  return [line.slice(0, colon).trim(), new Map(domains)];
}

function canonical(value: string): string {
  return value
    .trim()
    .toLowerCase()
    .replace(/^0+(?=.)/, "");
}

/** The first line that says something else than the class's `schemata` does; undefined when all agree with it. */
export function disagreement(lines: readonly string[], schemata: string): string | undefined {
  const present = new Map(
    schemata
      .split("\n")
      .flatMap((line) => [parseLine(line) ?? []])
      .filter(isEntry),
  );
  return lines.find((line) => {
    const wanted = parseLine(line);
    if (wanted === undefined) return true;
    const [resource, domains] = wanted;
    const own = present.get(resource);
    return [...domains].some(([domain, value]) => own?.get(domain) !== value);
  });
}

type Entry = readonly [resource: string, ReadonlyMap<string, string>];

function isEntry(entry: Entry | readonly never[]): entry is Entry {
  return entry.length === 2;
}

/** The line of a resource, `L3` or `MB`, in a `schemata` file, without the alignment that the kernel adds. */
export function schemaOf(resource: string, schemata: string): string | undefined {
  const found = schemata.split("\n").find((line) => line.trim().startsWith(`${resource}:`));
  return found?.trim();
}
