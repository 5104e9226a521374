/** `netns`: namespaces with names. */

import { exists } from "../../kernel/files.ts";
import {
  enterNetnsForGood,
  executeProgram,
  makeNetnsFile,
  missingForNames,
  mountNewNetns,
  namedNetnsNames,
  namedNetnsPath,
  netnsIdentity,
  openNamedNetns,
  openNetnsFile,
  prepareNamedNetns,
  removeNamedNetns,
} from "../../kernel/named-netns/mod.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { TiffinError } from "../../lib/errors.ts";
import { decodeNetnsId, netnsIdOf } from "../../linux/netlink/netns-id.ts";
import type { WordReader } from "../arguments.ts";
import { missing, misuse, refused, taken } from "../lab-error.ts";
import { attempt, checkNetnsName, foundText, missingNetns, type Session } from "../session.ts";

const defaultPath = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
const notFoundExit = 127;
const notExecutableExit = 126;

export function add(session: Session, words: WordReader): void {
  const name = checkNetnsName(words.next("the name of the namespace"));
  words.end();
  const { journal, host } = session;
  const lacking = missingForNames();
  if (lacking.directory || lacking.mount) {
    journal.record({ what: "names", ...lacking }, () =>
      attempt("make /run/netns", () => {
        prepareNamedNetns();
        host.step("directory.mounted");
      }),
    );
  } else attempt("make /run/netns propagate", prepareNamedNetns);
  const path = namedNetnsPath(name);
  if (exists(path)) throw taken(`there is a network namespace ${JSON.stringify(name)} already (${path})`);
  journal.record(
    { what: "netns", name },
    () => {
      const make = (): string => {
        makeNetnsFile(name);
        host.step("netns.file");
        try {
          using netns = mountNewNetns(name);
          return netnsIdentity(netns);
        } catch (thrown) {
          removeNamedNetns(name);
          throw thrown;
        }
      };
      return attempt(`make network namespace ${JSON.stringify(name)}`, make);
    },
    (identity) => identity,
  );
}

export function ls(session: Session, words: WordReader): void {
  words.end();
  const { socket } = session.here;
  const rows = namedNetnsNames().map((name) => {
    using netns = openNamedNetns(name);
    const id = netns === undefined ? undefined : socket.get(netnsIdOf(netns.raw), decodeNetnsId);
    return { name, ...(id === undefined ? {} : { id }) };
  });
  session.show(rows, () => rows.map(({ name, id }) => (id === undefined ? name : `${name} (id: ${id})`)));
}

export function rm(session: Session, words: WordReader): void {
  const name = checkNetnsName(words.next("the name of the namespace"));
  words.end();
  const { journal } = session;
  const removed = attempt(`remove network namespace ${JSON.stringify(name)}`, () => removeNamedNetns(name));
  if (!removed) throw missingNetns(name);
  for (const { id, change } of journal.entries) {
    if (change.what === "netns" && change.name === name) journal.forget(id);
  }
}

export function exec(session: Session, words: WordReader): number {
  const name = checkNetnsName(words.next("the name of the namespace"));
  const program = words.next("the program");
  const argv = [program, ...words.rest()];
  using netns = openNamedNetns(name);
  if (netns === undefined) throw missingNetns(name);
  attempt(`enter network namespace ${JSON.stringify(name)}`, () => enterNetnsForGood(netns, name));
  const { env } = session.host;
  const path = env["PATH"] ?? defaultPath;
  const candidates = program.includes("/")
    ? [program]
    : path.split(":").map((directory) => `${directory === "" ? "." : directory}/${program}`);
  const environment = Object.entries(env).map(([key, value]) => `${key}=${value ?? ""}`);
  try {
    executeProgram(candidates, argv, environment);
  } catch (thrown) {
    const isMissing = thrown instanceof SyscallError && thrown.code === "ENOENT";
    const looked = program.includes("/") ? "" : `; looked in ${path}`;
    const found = isMissing ? `there is no such program${looked}` : foundText(thrown);
    const text = `cannot run ${JSON.stringify(program)} in ${JSON.stringify(name)}: ${found}`;
    if (isMissing) throw new TiffinError("notFound", "lab.exec", text, { exitCode: notFoundExit });
    throw new TiffinError("invalid", "lab.exec", text, { exitCode: notExecutableExit });
  }
}

export function identify(session: Session, words: WordReader): void {
  const word = words.optional() ?? "self";
  words.end();
  if (word !== "self" && !/^[1-9]\d{0,9}$/.test(word)) {
    throw misuse(`${JSON.stringify(word)} is no number of a process`);
  }
  let identity: string;
  try {
    using netns = openNetnsFile(`/proc/${word}/ns/net`);
    if (netns === undefined) throw missing(`there is no process ${word}`);
    identity = netnsIdentity(netns);
  } catch (thrown) {
    if (!(thrown instanceof SyscallError)) throw thrown;
    throw refused(`cannot look at the network namespace of process ${word}: ${foundText(thrown)}`);
  }
  const names = namedNetnsNames().filter((name) => {
    using netns = openNamedNetns(name);
    return netns !== undefined && netnsIdentity(netns) === identity;
  });
  session.show(names, () => names);
}
