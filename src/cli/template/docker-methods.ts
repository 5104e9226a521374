/** Methods that Docker's types have and templates can call: what a mode is called, and which one it is. Pure. */
import { own } from "../../lib/own.ts";
import { goTimeUnixNano } from "./go-time.ts";
import { goType } from "./go-type.ts";
import { fieldNamed, GoValue, type Method, pointedTo, textIn } from "./value.ts";

type Methods = Readonly<Record<string, (text: string) => unknown>>;

const isContainer = (text: string): boolean => text.startsWith("container:");
const containerIn = (text: string): string => (isContainer(text) ? text.slice("container:".length) : "");
const isHost = (text: string): boolean => text === "host";
const isDefaultNetwork = (text: string): boolean => text === "default";
const isNone = (text: string): boolean => text === "none";
const isOneOf =
  (...names: readonly string[]) =>
  (text: string): boolean =>
    names.includes(text);

function isUserDefined(text: string): boolean {
  return !isContainer(text) && !["default", "bridge", "host", "none"].includes(text);
}

function networkName(text: string): string {
  return isContainer(text) ? "container" : text;
}

/** `80/tcp`, `8000-8010/udp`: the protocol is tcp unless it says otherwise. */
function portParts(text: string): readonly [port: string, protocol: string] {
  const [port = "", protocol = ""] = text.split("/");
  return port === "" ? ["", ""] : [port, protocol === "" ? "tcp" : protocol];
}

const byType: Readonly<Record<string, Methods>> = {
  "container.NetworkMode": {
    ConnectedContainer: containerIn,
    IsBridge: isOneOf("bridge"),
    IsContainer: isContainer,
    IsDefault: isDefaultNetwork,
    IsHost: isHost,
    IsNone: isNone,
    IsPrivate: (text) => !isHost(text) && !isContainer(text),
    IsUserDefined: isUserDefined,
    NetworkName: networkName,
    UserDefined: (text) => (isUserDefined(text) ? text : ""),
  },
  "container.IpcMode": {
    Container: containerIn,
    IsContainer: isContainer,
    IsEmpty: isOneOf(""),
    IsHost: isHost,
    IsNone: isNone,
    IsPrivate: isOneOf("private"),
    IsShareable: isOneOf("shareable"),
  },
  "container.PidMode": {
    Container: containerIn,
    IsContainer: isContainer,
    IsHost: isHost,
    IsPrivate: (text) => !isHost(text) && !isContainer(text),
  },
  "container.UTSMode": { IsHost: isHost, IsPrivate: (text) => !isHost(text) },
  "container.UsernsMode": { IsHost: isHost, IsPrivate: (text) => !isHost(text) },
  "container.CgroupnsMode": { IsEmpty: isOneOf(""), IsHost: isHost, IsPrivate: isOneOf("private") },
  "container.Isolation": {
    IsDefault: (text) => text === "" || text.toLowerCase() === "default",
    IsHyperV: (text) => text.toLowerCase() === "hyperv",
    IsProcess: (text) => text.toLowerCase() === "process",
  },
  "container.RestartPolicy": {
    IsAlways: isOneOf("always"),
    IsNone: isOneOf("no", ""),
    IsOnFailure: isOneOf("on-failure"),
    IsUnlessStopped: isOneOf("unless-stopped"),
  },
  "nat.Port": {
    Int: (text) => Number(portParts(text)[0].split("-")[0]),
    Port: (text) => portParts(text)[0],
    Proto: (text) => portParts(text)[1],
  },
  "time.Duration": {
    Hours: (text) => Number(text) / 3600e9,
    Milliseconds: (text) => Math.trunc(Number(text) / 1e6),
    Minutes: (text) => Number(text) / 60e9,
    Nanoseconds: Number,
    Seconds: (text) => Number(text) / 1e9,
  },
};

const ofTimes: Readonly<Record<string, (nanoseconds: bigint | undefined) => unknown>> = {
  IsZero: (nanoseconds) => nanoseconds === undefined,
  Unix: (nanoseconds) => int64((nanoseconds ?? zeroTime) / 1_000_000_000n),
  UnixMicro: (nanoseconds) => int64((nanoseconds ?? zeroTime) / 1000n),
  UnixMilli: (nanoseconds) => int64((nanoseconds ?? zeroTime) / 1_000_000n),
  UnixNano: (nanoseconds) => int64(nanoseconds ?? zeroTime),
};

/** The year 1. */
const zeroTime = -62_135_596_800_000_000_000n;

function int64(value: bigint): GoValue {
  return new GoValue(goType("int64"), value);
}

/** A method of the value, or of what it points to; undefined when there is none of that name. */
export function methodNamed(value: unknown, name: string): Method | undefined {
  const of = pointedTo(value);
  if (!(of instanceof GoValue)) return undefined;
  if (name === "String" && of.type.say !== undefined) {
    const { say } = of.type;
    return () => say(of.value);
  }
  const ofTime = of.type.name === "time.Time" ? own(ofTimes, name) : undefined;
  if (ofTime !== undefined) return () => ofTime(goTimeUnixNano(of.value));
  const method = own(own(byType, of.type.name) ?? {}, name);
  if (method === undefined) return undefined;
  const subject = of.type.kind === "struct" ? fieldNamed(of, "Name")?.value : of;
  return () => method(textIn(subject));
}
