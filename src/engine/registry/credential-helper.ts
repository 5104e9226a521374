/** `docker-credential-NAME`: a program that keeps passwords elsewhere, asked over its standard input and output. */
import { join } from "node:path";
import { processEnd } from "../../kernel/exit-watch.ts";
import { readText } from "../../kernel/files.ts";
import { createMemfd, sealedMemfd } from "../../kernel/memfd.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";
import { openPidfd, reapChild, signalPidfd } from "../../kernel/pidfd.ts";
import { spawn } from "../../kernel/spawn.ts";
import { optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import { after } from "../../lib/timer.ts";
import type { Credential } from "./contract.ts";
import { object, shownText, text } from "./error-body.ts";
import { isExecutableFile } from "./executable-file.ts";

type Environment = Readonly<Record<string, string | undefined>>;

export interface HelperCall {
  /** Without `docker-credential-`. */
  readonly helper: string;
  readonly environment: Environment;
}

const namePattern = /^[A-Za-z0-9_][A-Za-z0-9_.-]*$/;
const limitAnswerBytes = 1024 * 1024;
/** A helper may ask its user for a password of its own. */
const patienceMs = 120_000;
const sigkill = 9;
/** The user name under which a helper keeps an identity token. */
const tokenUser = "<token>";

const answer = object({ Username: optional(text), Secret: optional(text) });

function programPath({ helper, environment }: HelperCall): string {
  const name = `docker-credential-${helper}`;
  const directories = (environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(":");
  const found = namePattern.test(helper)
    ? directories.map((directory) => join(directory === "" ? "." : directory, name)).find(isExecutableFile)
    : undefined;
  if (found !== undefined) return found;
  throw new TiffinError("invalid", "registry.no-helper", `credential helper ${name} is not in $PATH`, {
    remedy: "install it, or take it out of credsStore and credHelpers in ~/.docker/config.json",
  });
}

interface HelperEnd {
  readonly code: number;
  readonly output: string;
}

async function run(call: HelperCall, verb: string, input: string): Promise<HelperEnd> {
  const executable = programPath(call);
  using stdin = sealedMemfd("credential request", new TextEncoder().encode(input));
  using output = createMemfd("credential answer");
  const pid = spawn({
    executable,
    argv: [executable, verb],
    env: Object.entries(call.environment).flatMap(([name, value]) =>
      value === undefined ? [] : [`${name}=${value}`],
    ),
    fds: [
      [stdin, 0],
      [output, 1],
    ],
  });
  const pidfd = openPidfd(pid);
  if (pidfd !== undefined) await endOf(pidfd, executable);
  const end = reapChild(pid, { block: true });
  if (end === "running" || end === "gone" || end.kind === "signaled") {
    throw new TiffinError(
      "unavailable",
      "registry.helper-failed",
      `credential helper ${executable} was killed`,
    );
  }
  return { code: end.code, output: readText(`/proc/self/fd/${output.raw}`, limitAnswerBytes).trim() };
}

/** Ends one that takes too long. */
async function endOf(pidfd: OwnedFd, executable: string): Promise<void> {
  using owned = pidfd;
  const late = new AbortController();
  using _timer = after(patienceMs, () => late.abort());
  if (await processEnd(owned, late.signal)) return;
  signalPidfd(owned, sigkill);
  await processEnd(owned);
  throw new TiffinError(
    "unavailable",
    "registry.helper-failed",
    `credential helper ${executable} did not answer within ${patienceMs / 1000} s`,
  );
}

function failed(call: HelperCall, verb: string, { output, code }: HelperEnd): TiffinError {
  return new TiffinError(
    "unavailable",
    "registry.helper-failed",
    `credential helper docker-credential-${call.helper} ${verb}: ${output === "" ? `exit code ${code}` : shownText(output)}`,
  );
}

/** Undefined when the helper has none for `server`. */
export async function askHelper(call: HelperCall, server: string): Promise<Credential | undefined> {
  const end = await run(call, "get", server);
  if (end.code !== 0) {
    // The protocol has no other sign for "none" than this sentence.
    if (/credentials not found/i.test(end.output)) return undefined;
    throw failed(call, "get", end);
  }
  let found: unknown;
  try {
    found = JSON.parse(end.output);
  } catch {
    throw new TiffinError(
      "unavailable",
      "registry.helper-failed",
      `credential helper docker-credential-${call.helper} get: its answer is not JSON`,
    );
  }
  const { Username: username = "", Secret: secret = "" } = answer(found, "answer of the credential helper");
  return username === tokenUser ? { identityToken: secret } : { username, password: secret };
}

export async function tellHelper(call: HelperCall, server: string, credential: Credential): Promise<void> {
  const { identityToken, username = "", password = "" } = credential;
  const end = await run(
    call,
    "store",
    JSON.stringify({
      ServerURL: server,
      Username: identityToken === undefined ? username : tokenUser,
      Secret: identityToken ?? password,
    }),
  );
  if (end.code !== 0) throw failed(call, "store", end);
}

export async function makeHelperForget(call: HelperCall, server: string): Promise<void> {
  const end = await run(call, "erase", server);
  if (end.code !== 0) throw failed(call, "erase", end);
}
