/** What a front asks for: its command line, directory, environment and standard descriptors. */
import { type AskedWords, askedWords } from "../../abi/asked-words.ts";
import { helper } from "../../abi/front.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { type FrontConnection, FrontGone } from "./front-connection.ts";

export interface Request extends AskedWords {
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
  const asked = askedWords(bytes, fields.argumentCount);
  if (stdin === undefined || stdout === undefined || stderr === undefined || asked === undefined) {
    for (const fd of [stdin, stdout, stderr]) fd?.[Symbol.dispose]();
    throw new FrontGone("the request is not whole");
  }
  return { ...asked, standard: [stdin, stdout, stderr] };
}
