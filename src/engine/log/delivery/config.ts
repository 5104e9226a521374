/** Where else than to its files a container's output goes: Docker's drivers and their options, checked and taken apart. Pure. */
import { TiffinError } from "../../../lib/errors.ts";
import { own } from "../../../lib/own.ts";

export const deliveryDrivers = ["syslog", "gelf", "fluentd", "journald"] as const;
export type DeliveryDriver = (typeof deliveryDrivers)[number];
export type DeliveryOptions = Readonly<Record<string, string>>;

export type Destination =
  | { readonly kind: "udp" | "tcp"; readonly host: string; readonly port: number }
  | {
      readonly kind: "tls";
      readonly host: string;
      readonly port: number;
      readonly ca?: string;
      readonly certificate?: string;
      readonly key?: string;
      readonly verifies: boolean;
    }
  | { readonly kind: "unix" | "datagram"; readonly path: string };

export interface SyslogForm {
  readonly facility: number;
  /** `local`: RFC 3164 without a host, as a log on the same machine wants it. */
  readonly format: "local" | "rfc3164" | "rfc5424" | "rfc5424micro";
}

export type Delivery =
  | { readonly driver: "syslog"; readonly to: Destination; readonly form: SyslogForm }
  | {
      readonly driver: "gelf";
      readonly to: Destination;
      readonly compression: "gzip" | "zlib" | "none";
      readonly level: number;
    }
  | {
      readonly driver: "fluentd";
      readonly to: Destination;
      readonly subSecond: boolean;
      readonly waits: boolean;
    }
  | { readonly driver: "journald"; readonly to: Destination };

const journal = "/run/systemd/journal/socket";
const details = ["labels", "labels-regex", "env", "env-regex", "tag"];
const ofDriver: Readonly<Record<DeliveryDriver, readonly string[]>> = {
  syslog: [
    "syslog-address",
    "syslog-facility",
    "syslog-format",
    "syslog-tls-ca-cert",
    "syslog-tls-cert",
    "syslog-tls-key",
    "syslog-tls-skip-verify",
  ],
  gelf: [
    "gelf-address",
    "gelf-compression-type",
    "gelf-compression-level",
    "gelf-tcp-max-reconnect",
    "gelf-tcp-reconnect-delay",
  ],
  fluentd: [
    "fluentd-address",
    "fluentd-async",
    "fluentd-async-connect",
    "fluentd-buffer-limit",
    "fluentd-max-retries",
    "fluentd-retry-wait",
    "fluentd-sub-second-precision",
  ],
  journald: [],
};

/** The names of a driver's own options, those of its details included. */
export function deliveryOptionNames(driver: DeliveryDriver): readonly string[] {
  return [...ofDriver[driver], ...details];
}

function refuse(why: string): never {
  throw new TiffinError("invalid", "container.log-option", why);
}

const facilities = [
  "kern",
  "user",
  "mail",
  "daemon",
  "auth",
  "syslog",
  "lpr",
  "news",
  "uucp",
  "cron",
  "authpriv",
  "ftp",
];
const firstLocal = 16;
const daemonFacility = 3;

function facilityOf(text: string | undefined): number {
  if (text === undefined || text === "") return daemonFacility;
  const local = /^local([0-7])$/.exec(text);
  if (local !== null) return firstLocal + Number(local[1]);
  const number = /^\d{1,2}$/.test(text) ? Number(text) : facilities.indexOf(text);
  if (number >= 0 && number < firstLocal + 8) return number;
  return refuse("invalid syslog facility");
}

const portLimit = 65_535;

/** `SCHEME://HOST[:PORT]` or `unix://PATH`. */
function addressOf(
  option: string,
  text: string,
  schemes: readonly string[],
  port: number | undefined,
): Destination {
  const wrong = (): never =>
    refuse(
      `invalid log option ${option}: found ${JSON.stringify(text)}, wanted ${schemes.map((each) => `${each}://...`).join(" or ")}`,
    );
  const match = /^([a-z+]+):\/\/(.*)$/.exec(text);
  const [, scheme = "", rest = ""] = match ?? [];
  if (!schemes.includes(scheme)) return wrong();
  if (scheme === "unix" || scheme === "unixgram") {
    if (!rest.startsWith("/")) return wrong();
    return { kind: scheme === "unix" ? "unix" : "datagram", path: rest };
  }
  const place = /^(\[[0-9a-fA-F:.]+\]|[^:/[\]]+)(?::(\d{1,5}))?$/.exec(rest);
  if (place === null) return wrong();
  const [, host = "", given] = place;
  const number = given === undefined ? port : Number(given);
  if (number === undefined || number < 1 || number > portLimit) return wrong();
  const at = { host: host.replace(/^\[(.*)\]$/, "$1"), port: number };
  if (scheme === "tcp+tls") return { kind: "tls", ...at, verifies: true };
  return { kind: scheme === "udp" ? "udp" : "tcp", ...at };
}

function booleanOf(option: string, value: string | undefined, otherwise: boolean): boolean {
  if (value === undefined) return otherwise;
  if (["1", "t", "T", "true", "TRUE", "True"].includes(value)) return true;
  if (["0", "f", "F", "false", "FALSE", "False"].includes(value)) return false;
  return refuse(`invalid log option ${option}: found ${JSON.stringify(value)}, wanted a boolean`);
}

function syslogOf(options: DeliveryOptions): Delivery {
  const get = (name: string): string | undefined => own(options, `syslog-${name}`);
  const formats = {
    "": "local",
    rfc3164: "rfc3164",
    rfc5424: "rfc5424",
    rfc5424micro: "rfc5424micro",
  } as const;
  const format = own(formats, get("format") ?? "");
  if (format === undefined) return refuse("Invalid syslog format");
  const schemes = ["udp", "tcp", "tcp+tls", "unix", "unixgram"];
  const address = get("address") ?? "";
  let to: Destination =
    address === ""
      ? { kind: "datagram", path: "/dev/log" }
      : addressOf("syslog-address", address, schemes, 514);
  // What is at the path of a log of this machine takes datagrams.
  if (to.kind === "unix") to = { kind: "datagram", path: to.path };
  if (to.kind === "tls") {
    const [ca, certificate, key] = [get("tls-ca-cert"), get("tls-cert"), get("tls-key")];
    const verifies = !booleanOf("syslog-tls-skip-verify", get("tls-skip-verify"), false);
    to = {
      ...to,
      verifies,
      ...(ca !== undefined && { ca }),
      ...(certificate !== undefined && { certificate }),
      ...(key !== undefined && { key }),
    };
  }
  return { driver: "syslog", to, form: { facility: facilityOf(get("facility")), format } };
}

function gelfOf(options: DeliveryOptions): Delivery {
  const address = own(options, "gelf-address") ?? "";
  if (address === "")
    return refuse("gelf: gelf-address is missing: wanted udp://HOST:PORT or tcp://HOST:PORT");
  const to = addressOf("gelf-address", address, ["udp", "tcp"], undefined);
  const udpOnly = ["gelf-compression-type", "gelf-compression-level"];
  const tcpOnly = ["gelf-tcp-max-reconnect", "gelf-tcp-reconnect-delay"];
  for (const key of to.kind === "tcp" ? udpOnly : tcpOnly) {
    if (own(options, key) !== undefined) {
      return refuse(`gelf: ${key} is only supported for ${to.kind === "tcp" ? "udp" : "tcp"}`);
    }
  }
  for (const key of tcpOnly) {
    const value = own(options, key);
    if (value !== undefined && !/^\d{1,9}$/.test(value))
      return refuse(`gelf: "${key}" must be a positive integer`);
  }
  const compressions = { gzip: "gzip", zlib: "zlib", none: "none" } as const;
  const compression = own(compressions, own(options, "gelf-compression-type") ?? "gzip");
  if (compression === undefined) {
    return refuse(
      `gelf: invalid compression type ${JSON.stringify(options["gelf-compression-type"])}: wanted gzip, zlib or none`,
    );
  }
  const level = own(options, "gelf-compression-level") ?? "1";
  if (!/^(-1|[0-9])$/.test(level))
    return refuse(`gelf: invalid compression level ${JSON.stringify(level)}: wanted -1 to 9`);
  return { driver: "gelf", to, compression: to.kind === "tcp" ? "none" : compression, level: Number(level) };
}

function fluentdOf(options: DeliveryOptions): Delivery {
  const get = (name: string): string | undefined => own(options, `fluentd-${name}`);
  const address = get("address") || "tcp://127.0.0.1:24224";
  const to = addressOf(
    "fluentd-address",
    address.includes("://") ? address : `tcp://${address}`,
    ["tcp", "unix"],
    24_224,
  );
  if (get("async") !== undefined && get("async-connect") !== undefined) {
    return refuse("conflicting options: cannot specify both 'fluentd-async' and 'fluentd-async-connect'");
  }
  const isAsync = booleanOf("fluentd-async", get("async") ?? get("async-connect"), false);
  const subSecond = booleanOf("fluentd-sub-second-precision", get("sub-second-precision"), false);
  for (const [name, pattern] of [
    ["buffer-limit", /^\d{1,15}([bkmg]b?)?$/i],
    ["max-retries", /^\d{1,9}$/],
    ["retry-wait", /^\d{1,9}(ms|s|m|h)$/],
  ] as const) {
    const value = get(name);
    if (value !== undefined && !pattern.test(value))
      return refuse(`invalid log option fluentd-${name}: ${JSON.stringify(value)}`);
  }
  return { driver: "fluentd", to, subSecond, waits: !isAsync };
}

/** Errors: `container.log-option`. */
export function deliveryOf(driver: DeliveryDriver, options: DeliveryOptions): Delivery {
  switch (driver) {
    case "syslog":
      return syslogOf(options);
    case "gelf":
      return gelfOf(options);
    case "fluentd":
      return fluentdOf(options);
    case "journald":
      return { driver, to: { kind: "datagram", path: journal } };
  }
}
