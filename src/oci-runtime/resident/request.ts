/** What a front asks for: its command line, directory, environment and standard descriptors. */
import { helper } from "../../abi/front.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { type FrontConnection, FrontGone } from "./front-connection.ts";

export interface Request {
  readonly cwd: string;
  /** Without the program's name. */
  readonly words: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Owned by whoever has the request. */
  readonly standard: readonly [stdin: OwnedFd, stdout: OwnedFd, stderr: OwnedFd];
}

/** A front sends it at once. */
const requestLimitMs = 5000;

/** Throws `FrontGone` for anything else than a request. */
export async function receiveRequest(front: FrontConnection): Promise<Request> {
  const { name, fields } = await front.receive(requestLimitMs);
  if (name !== "request" || fields.bytes > helper.requestBytes) throw new FrontGone("this is no request");
  const bytes = await front.receiveBytes(fields.bytes, requestLimitMs);
  const [stdin, stdout, stderr, ...more] = front.takeFds();
  for (const fd of more) fd[Symbol.dispose]();
  // Not fatal: names of files may have any bytes, and a front with such words does without us.
  const [cwd = "", ...strings] = new TextDecoder().decode(bytes).split("\0").slice(0, -1);
  if (stdin === undefined || stdout === undefined || stderr === undefined || !cwd.startsWith("/")) {
    for (const fd of [stdin, stdout, stderr]) fd?.[Symbol.dispose]();
    throw new FrontGone("the request is not whole");
  }
  return {
    cwd,
    words: strings.slice(0, fields.argumentCount),
    env: environmentOf(strings.slice(fields.argumentCount)),
    standard: [stdin, stdout, stderr],
  };
}

function environmentOf(entries: readonly string[]): Record<string, string> {
  const environment: Record<string, string> = Object.create(null);
  for (const entry of entries) {
    const equals = entry.indexOf("=");
    const name = entry.slice(0, equals);
    // The first of two counts, as getenv(3) has it.
    if (equals > 0 && environment[name] === undefined) environment[name] = entry.slice(equals + 1);
  }
  return environment;
}
