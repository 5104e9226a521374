/** One call of the bench: the namespaces that it looks into, its journal, and where its words go. */

import { namedNetnsNames, netnsIdentity, openNamedNetns, openNetnsFile } from "../kernel/named-netns/mod.ts";
import { homeNetns, inNetns, NetlinkError, NetlinkSocket } from "../kernel/netlink/mod.ts";
import type { OwnedFd } from "../kernel/owned-fd.ts";
import { SyscallError } from "../kernel/syscall.ts";
import type { ErrorDetails, TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { errnoText } from "../linux/errno.ts";
import type { Place } from "./change.ts";
import { Journal } from "./journal.ts";
import { listed, missing, misuse, refused } from "./lab-error.ts";
import type { LabHost } from "./lab-host.ts";

/** An open network namespace with a socket in it. */
export interface Namespace {
  readonly place: Place;
  /** For messages. */
  readonly label: string;
  readonly fd: OwnedFd;
  readonly socket: NetlinkSocket;
}

/** The name that stands for the caller's own namespace where a name is wanted. */
export const ownName = ".";

/** Throws for what cannot be the name of a namespace. */
export function checkNetnsName(name: string): string {
  const bytes = new TextEncoder().encode(name).length;
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is refused
  if (bytes < 1 || bytes > 255 || name === "." || name === ".." || /[/\u0000-\u001f\u007f]/.test(name)) {
    throw misuse(
      `${JSON.stringify(name)} is no name of a network namespace: 1 to 255 bytes without "/" and control characters are`,
    );
  }
  return name;
}

/** What a kernel call said, in words. */
export function foundText(thrown: unknown): string {
  if (thrown instanceof NetlinkError) return `${thrown.text ?? errnoText(thrown.errno)} (${thrown.code})`;
  if (thrown instanceof SyscallError) return `${thrown.syscall}: ${errnoText(thrown.errno)} (${thrown.code})`;
  throw thrown;
}

export interface Hint {
  readonly message?: string;
  readonly remedy?: string;
}

/** Does `work`; a refusal of the kernel becomes `cannot WHAT: ...`, with what is known about that errno. */
export function attempt<T>(what: string, work: () => T, hints: Readonly<Record<string, Hint>> = {}): T {
  try {
    return work();
  } catch (thrown) {
    const found = foundText(thrown);
    const code = thrown instanceof NetlinkError || thrown instanceof SyscallError ? thrown.code : "";
    const hint = own(hints, code) ?? (code === "EPERM" ? { remedy: "call it as root" } : {});
    const details: ErrorDetails = {
      cause: thrown,
      ...(hint.remedy === undefined ? {} : { remedy: hint.remedy }),
    };
    throw refused(`cannot ${what}: ${hint.message ?? found}`, details);
  }
}

export function missingNetns(name: string): TiffinError {
  return missing(
    `there is no network namespace ${JSON.stringify(name)}; found ${listed(namedNetnsNames())}`,
    {
      remedy: "tiffin lab netns add makes one",
    },
  );
}

export class Session implements Disposable {
  readonly host: LabHost;
  readonly json: boolean;
  readonly ipv6: boolean;
  readonly #runDirectory: string;
  readonly #netns: string | undefined;
  readonly #open: Namespace[] = [];
  #own: Namespace | undefined;
  #here: Namespace | undefined;
  #journal: Journal | undefined;

  constructor(host: LabHost, values: ReadonlyMap<string, string>) {
    this.host = host;
    this.json = values.has("json");
    this.ipv6 = values.has("ipv6");
    this.#netns = values.get("netns");
    this.#runDirectory = values.get("run") ?? host.runDirectory;
    if (!this.#runDirectory.startsWith("/")) {
      throw misuse(`--run is ${JSON.stringify(this.#runDirectory)}, wanted an absolute path`);
    }
  }

  get journal(): Journal {
    this.#journal ??= Journal.open(this.#runDirectory, this.host);
    return this.#journal;
  }

  /** From here to the end of the call no other bench changes anything, so what is looked up stays as it is. */
  lock(): void {
    this.#journal ??= Journal.open(this.#runDirectory, this.host);
  }

  /** The namespace of the caller. */
  get own(): Namespace {
    this.#own ??= this.#enter("", "the caller's network namespace", homeNetns());
    return this.#own;
  }

  /** The namespace to work in. */
  get here(): Namespace {
    const name = this.#netns;
    this.#here ??= name === undefined || name === ownName ? this.own : this.named(name);
    return this.#here;
  }

  named(name: string): Namespace {
    const found = this.findNamed(checkNetnsName(name));
    if (found === undefined) throw missingNetns(name);
    return found;
  }

  findNamed(name: string): Namespace | undefined {
    const fd = openNamedNetns(name);
    return fd === undefined ? undefined : this.#take(name, `network namespace ${JSON.stringify(name)}`, fd);
  }

  /** By name, or else by the number of a process in it; `.` is the caller's. */
  target(word: string): Namespace {
    if (word === ownName) return this.own;
    const found = this.findNamed(checkNetnsName(word));
    if (found !== undefined) return found;
    if (!/^[1-9]\d{0,9}$/.test(word)) throw missingNetns(word);
    const label = `the network namespace of process ${word}`;
    const fd = attempt(`look at ${label}`, () => openNetnsFile(`/proc/${word}/ns/net`));
    if (fd === undefined)
      throw missing(`there is no network namespace and no process ${JSON.stringify(word)}`);
    return this.#take(word, label, fd);
  }

  /** The namespace that a journal tells of; undefined when it is gone or another one has its name. */
  placed(place: Place): Namespace | undefined {
    const found = this.#placed(place);
    return found?.place.identity === place.identity ? found : undefined;
  }

  #placed({ name }: Place): Namespace | undefined {
    if (name === "") return this.own;
    const found = this.findNamed(name);
    if (found !== undefined || !/^\d+$/.test(name)) return found;
    const fd = openNetnsFile(`/proc/${name}/ns/net`);
    return fd === undefined ? undefined : this.#take(name, `the network namespace of process ${name}`, fd);
  }

  #take(name: string, label: string, fd: OwnedFd): Namespace {
    try {
      return this.#enter(name, label, fd);
    } catch (thrown) {
      fd[Symbol.dispose]();
      throw thrown;
    }
  }

  #enter(name: string, label: string, fd: OwnedFd): Namespace {
    const socket = name === "" ? NetlinkSocket.open("route") : inNetns(fd, () => NetlinkSocket.open("route"));
    const namespace = { place: { name, identity: netnsIdentity(fd) }, label, fd, socket };
    this.#open.push(namespace);
    return namespace;
  }

  /** Prints a document with `--json`, otherwise the lines. */
  show(document: unknown, lines: () => readonly string[]): void {
    const text = this.json ? JSON.stringify(document) : lines().join("\n");
    if (text !== "") this.host.print(1, `${text}\n`);
  }

  [Symbol.dispose](): void {
    for (const { socket, fd } of this.#open) {
      socket[Symbol.dispose]();
      if (fd !== homeNetns()) fd[Symbol.dispose]();
    }
    this.#journal?.[Symbol.dispose]();
  }
}
