/**
 * A document of the engine as Docker's own client sees it, which decodes it into Go structs: some fields have another name
 * there, and a null is the nil of a list, a map or a pointer, which print differently. Pure.
 */
import { DurationValue, structMark } from "../../docker/documents.ts";
import { own } from "../../lib/own.ts";
import { GoNumber, mapMark, TypedNil } from "./value.ts";

/** Go's names where they are not those of the JSON. Both work in Docker's templates. */
const goNames: Readonly<Record<string, string>> = {
  Id: "ID",
  CpuShares: "CPUShares",
  CpuPeriod: "CPUPeriod",
  CpuQuota: "CPUQuota",
  CpuRealtimePeriod: "CPURealtimePeriod",
  CpuRealtimeRuntime: "CPURealtimeRuntime",
  CpuCount: "CPUCount",
  CpuPercent: "CPUPercent",
  NanoCpus: "NanoCPUs",
  Dns: "DNS",
  DnsOptions: "DNSOptions",
  DnsSearch: "DNSSearch",
};

/** Nulls that are no lists. */
const nilTypes: Readonly<Record<string, string>> = {
  Annotations: "map[string]string",
  Config: "map[string]string",
  DriverOpts: "map[string]string",
  ExposedPorts: "map[string]struct {}",
  Health: "*container.Health",
  Healthcheck: "*container.HealthConfig",
  IPAMConfig: "*network.EndpointIPAMConfig",
  Init: "*bool",
  Labels: "map[string]string",
  MemorySwappiness: "*int64",
  Networks: "map[string]*network.EndpointSettings",
  OomKillDisable: "*bool",
  Options: "map[string]string",
  PidsLimit: "*int64",
  Platform: "*v1.Platform",
  PortBindings: "map[string][]PortBinding",
  Ports: "map[string][]PortBinding",
  Server: "*system.Version",
  SizeRootFs: "*int64",
  SizeRw: "*int64",
  StopTimeout: "*int",
  StorageOpt: "map[string]string",
  Sysctls: "map[string]string",
  Tmpfs: "map[string]string",
  Volumes: "map[string]struct {}",
};

/**
 * Go's maps from texts, where a key that is not there is no value, while a field that a struct does not have is an error. Those of
 * ports are none of them: their keys are of a type of their own, which a template cannot name.
 */
const mapNames: ReadonlySet<string> = new Set([
  "Annotations",
  "Attributes",
  "Containers",
  "DriverOpts",
  "Labels",
  "Networks",
  "Options",
  "Runtimes",
  "StorageOpt",
  "Sysctls",
  "Tmpfs",
  "Volumes",
]);
/** The same by what they are in, because elsewhere the name is a struct's. */
const mapsWithin: Readonly<Record<string, string>> = { LogConfig: "Config", GraphDriver: "Data" };

function isMap(within: string, name: string): boolean {
  return mapNames.has(name) || own(mapsWithin, within) === name;
}

/** `document`, its fields that are not enumerable included, with nils that know their type, and answering to Go's names as well. */
export function dockerDocument(document: unknown, source = ""): unknown {
  return seenAs(document, !jsonOnlyName.test(source), "");
}

/** A template with such a name fails over Go's structs, and Docker then runs it over the JSON, whose objects are maps. */
const jsonOnlyName = new RegExp(`\\.(?:${Object.keys(goNames).join("|")})\\b`);

/** `within`: the name of the field that it stands in. */
function seenAs(document: unknown, structs: boolean, within: string): unknown {
  if (Array.isArray(document)) return document.map((one) => seenAs(one, structs, within));
  if (typeof document !== "object" || document === null) return document;
  if (document instanceof DurationValue)
    return structs ? new GoNumber("time.Duration", document.nanoseconds) : document.nanoseconds;
  const view: Record<string, unknown> = {};
  for (const [name, { value, enumerable = true }] of Object.entries(
    Object.getOwnPropertyDescriptors(document),
  )) {
    const seen =
      value === null ? new TypedNil(own(nilTypes, name) ?? "[]string") : seenAs(value, structs, name);
    if (structs && isMap(within, name) && typeof seen === "object" && seen !== null)
      Object.defineProperty(seen, mapMark, { value: true });
    // Not an assignment: a label may be called `__proto__`.
    Object.defineProperty(view, name, { value: seen, enumerable });
    const goName = own(goNames, name);
    if (goName !== undefined && !Object.hasOwn(document, goName))
      Object.defineProperty(view, goName, { value: seen, enumerable: false });
  }
  if (structs && structMark in document) Object.defineProperty(view, structMark, { value: true });
  return view;
}
