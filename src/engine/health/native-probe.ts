/** A check of health by the engine itself, from inside the container's network namespace: no process is made for it. */
import { openFlags } from "../../kernel/files.ts";
import { TcpAttempt } from "../../kernel/tcp-attempt.ts";
import { messageOf } from "../../lib/errors.ts";
import { after, pause } from "../../lib/timer.ts";
import { connectDuplex } from "../../transport/bun-duplex.ts";
import { type Container, openOfProcess } from "../container/mod.ts";
import { type GrpcAnswer, GrpcCheckReader, grpcCheckRequest } from "./grpc-check.ts";
import { type NativeTest, type ProbeAnswer, timeoutText } from "./probe-answer.ts";

const firstLookMs = 1;
const longestLookMs = 50;
/** A status line that is longer is none. */
const limitLineBytes = 4096;
const shortestSuccess = 200;
const firstFailure = 400;

/** Connects, and for HTTP asks and reads the status line. Never rejects. */
export async function probeNatively(
  container: Container,
  test: NativeTest,
  timeoutMs: number,
  abort: AbortSignal,
): Promise<ProbeAnswer> {
  const limit = new AbortController();
  const cut = (): void => limit.abort();
  using _timer = after(timeoutMs, cut);
  abort.addEventListener("abort", cut);
  try {
    using attempt = attemptOf(container, test);
    const isConnected = await connected(attempt, limit.signal);
    if (!isConnected) return { exitCode: -1, output: timeoutText(timeoutMs, "") };
    if (test.kind === "tcp") return { exitCode: 0, output: "" };
    if (test.kind === "grpc") {
      const answer = await grpcAnswer(attempt, test, limit.signal);
      if (answer === undefined) return { exitCode: -1, output: timeoutText(timeoutMs, "") };
      return { exitCode: answer.isServing ? 0 : 1, output: answer.text };
    }
    const line = await statusLine(attempt, test, limit.signal);
    if (line === undefined) return { exitCode: -1, output: timeoutText(timeoutMs, "") };
    return { exitCode: isSuccess(line) ? 0 : 1, output: line === "" ? "the answer is not HTTP" : line };
  } catch (thrown) {
    return { exitCode: 1, output: messageOf(thrown) };
  } finally {
    abort.removeEventListener("abort", cut);
  }
}

function attemptOf(container: Container, { address, port }: NativeTest): TcpAttempt {
  using netns = openOfProcess(container, "ns/net", openFlags.readOnly);
  return new TcpAttempt(netns, Uint8Array.from(address.split(".").map(Number)), port);
}

/** False when `limit` came first. */
async function connected(attempt: TcpAttempt, limit: AbortSignal): Promise<boolean> {
  for (let waitMs = firstLookMs; !attempt.look(); waitMs = Math.min(waitMs * 2, longestLookMs)) {
    if (limit.aborted) return false;
    await pause(waitMs);
  }
  return true;
}

/** Empty when what comes is no HTTP; undefined when `limit` came first. */
async function statusLine(
  attempt: TcpAttempt,
  { address, port, path }: Extract<NativeTest, { kind: "http" }>,
  limit: AbortSignal,
): Promise<string | undefined> {
  const duplex = await connectDuplex({ fd: attempt.take().take() });
  const { promise, resolve } = Promise.withResolvers<string | undefined>();
  const late = (): void => resolve(undefined);
  limit.addEventListener("abort", late);
  if (limit.aborted) late();
  let text = "";
  duplex.listen({
    data(chunk) {
      text += Buffer.from(chunk).toString("latin1");
      const end = text.indexOf("\n");
      if (end >= 0 || text.length > limitLineBytes) resolve(httpLine(text.slice(0, Math.max(end, 0))));
    },
    end: () => resolve(""),
    close: () => resolve(""),
  });
  const head = [
    `GET ${path} HTTP/1.1`,
    `Host: ${address}:${port}`,
    "User-Agent: tiffin",
    "Connection: close",
  ];
  duplex.write(new TextEncoder().encode(`${head.join("\r\n")}\r\n\r\n`));
  try {
    return await promise;
  } finally {
    limit.removeEventListener("abort", late);
    duplex.destroy();
  }
}

/** Undefined when `limit` came first. */
async function grpcAnswer(
  attempt: TcpAttempt,
  { address, port, service }: Extract<NativeTest, { kind: "grpc" }>,
  limit: AbortSignal,
): Promise<GrpcAnswer | undefined> {
  const duplex = await connectDuplex({ fd: attempt.take().take() });
  const { promise, resolve } = Promise.withResolvers<GrpcAnswer | undefined>();
  const late = (): void => resolve(undefined);
  limit.addEventListener("abort", late);
  if (limit.aborted) late();
  const reader = new GrpcCheckReader();
  const gone = (): void => resolve({ isServing: false, text: "the server has closed the connection" });
  duplex.listen({
    data(chunk) {
      const { answer, reply } = reader.take(chunk);
      for (const part of reply) duplex.write(part);
      if (answer !== undefined) resolve(answer);
    },
    end: gone,
    close: gone,
  });
  duplex.write(grpcCheckRequest(`${address}:${port}`, service));
  try {
    return await promise;
  } finally {
    limit.removeEventListener("abort", late);
    duplex.destroy();
  }
}

function httpLine(line: string): string {
  return /^HTTP\/1\.[01] \d{3}/.test(line) ? line.trimEnd() : "";
}

function isSuccess(line: string): boolean {
  const status = Number(line.split(" ")[1]);
  return status >= shortestSuccess && status < firstFailure;
}
