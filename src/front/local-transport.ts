/**
 * `ClientTransport` to the engine of this very process: a request goes to the API's handler as it is, without bytes of HTTP in
 * between. Status, headers and bodies are those that a client elsewhere would see.
 */

import { decodeHead, headEnd } from "../client/response-parser.ts";
import type { SyncSocket } from "../client/sync-socket.ts";
import {
  type BufferedResponse,
  type ClientTransport,
  type PendingUpgrade,
  type RequestSpec,
  type ResponseHead,
  refusedUpgrade,
  type StreamedResponse,
  type Upgraded,
} from "../client/transport.ts";
import type {
  HttpHandler,
  HttpReply,
  HttpRequest,
  RequestCaller,
  TakeoverReply,
} from "../transport/http-message.ts";
import { HttpProblem } from "../transport/http-problem.ts";
import { MemoryConnection } from "./memory-connection.ts";
import type { Pollables } from "./poll-table.ts";

export interface LocalEngine {
  readonly handle: HttpHandler;
  /** Who asks. */
  readonly caller: RequestCaller | undefined;
  /** Aborted when nobody waits for the command any more. */
  readonly signal: AbortSignal;
  readonly pollables: Pollables;
  /** Before something is asked that may change something. Throws when the command is not to be performed here. */
  checkMayBegin(): void;
  /** Something has been done, or said, that another program must not do again. */
  begun(): void;
  /** Resolves when there is room for output. */
  drained(): Promise<void>;
}

const encoder = new TextEncoder();
const nothing = new Uint8Array(0);
const safeMethods = ["GET", "HEAD"];

export class LocalTransport implements ClientTransport<SyncSocket> {
  readonly #engine: LocalEngine;

  constructor(engine: LocalEngine) {
    this.#engine = engine;
  }

  async request(spec: RequestSpec): Promise<BufferedResponse> {
    return await buffered(await this.#ask(spec, false));
  }

  async stream(spec: RequestSpec): Promise<StreamedResponse> {
    const reply = await this.#ask(spec, false);
    if (reply.kind !== "stream") {
      const { body, ...head } = await buffered(reply);
      return { ...head, chunks: oneOf(body) };
    }
    if (reply.status < 400) this.#engine.begun();
    return { ...headOf(reply), chunks: this.#paced(reply.body) };
  }

  async beginUpgrade(spec: RequestSpec): Promise<PendingUpgrade<SyncSocket>> {
    const { pollables } = this.#engine;
    const connection = new MemoryConnection(pollables.changed);
    const socket = connection.commandEnd(pollables.add(connection));
    let settled = false;
    const answering = this.#ask(spec, true).finally(() => {
      settled = true;
      pollables.changed();
    });
    // Told by `answer`, or of no interest to whoever has given up.
    answering.catch(() => undefined);
    const answer = async (): Promise<Upgraded<SyncSocket> | BufferedResponse> => {
      const reply = await answering;
      if (reply.kind !== "takeover") return await buffered(reply);
      return takenOver(reply, connection, socket);
    };
    // Before the connection is one, its number stands for the answer.
    pollables.set(socket.fd, {
      get isReadable() {
        return settled || connection.isReadable;
      },
      get isWritable() {
        return connection.isWritable;
      },
    });
    return {
      stream: socket,
      answer: async () => {
        const got = await answer();
        pollables.set(socket.fd, connection);
        return got;
      },
      abandon: () => {
        answer().then(
          (got) => {
            if (!refusedUpgrade(got)) got.stream.close();
          },
          () => undefined,
        );
      },
    };
  }

  close(): void {}

  async #ask(spec: RequestSpec, upgrade: boolean): Promise<HttpReply> {
    const isSafe = safeMethods.includes(spec.method);
    if (!isSafe) this.#engine.checkMayBegin();
    const reply = await this.#engine.handle(requestOf(spec, upgrade, this.#engine));
    this.#engine.signal.throwIfAborted();
    if (!isSafe && reply.kind !== "takeover" && reply.status < 300) this.#engine.begun();
    return reply;
  }

  /** No faster than the front writes what is made of it. */
  async *#paced(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
    for await (const chunk of chunks) {
      await this.#engine.drained();
      yield chunk;
    }
  }
}

function requestOf(
  spec: RequestSpec,
  upgrade: boolean,
  { caller, signal }: Pick<LocalEngine, "caller" | "signal">,
): HttpRequest {
  const body = spec.body === undefined ? nothing : encoder.encode(JSON.stringify(spec.body));
  const headers = new Map<string, string>([["host", "tiffin"]]);
  for (const [name, value] of spec.headers ?? []) headers.set(name.toLowerCase(), value);
  if (body.length > 0) headers.set("content-type", "application/json");
  return {
    head: {
      method: spec.method,
      target: spec.path,
      minorVersion: 1,
      headers,
      body: spec.upload === undefined ? { kind: "length", bytes: body.length } : { kind: "chunked" },
      keepAlive: true,
      expectContinue: false,
      upgrade: upgrade ? "tcp" : undefined,
    },
    caller,
    signal,
    readBody: (limitBytes) =>
      body.length > limitBytes
        ? Promise.reject(new HttpProblem(413, "the body of the request is too large"))
        : Promise.resolve(body),
    streamBody: () => spec.upload ?? oneOf(body),
  };
}

function headOf(reply: Exclude<HttpReply, TakeoverReply>): ResponseHead {
  return {
    status: reply.status,
    headers: new Map(reply.headers.map(([name, value]) => [name.toLowerCase(), value])),
  };
}

async function buffered(reply: HttpReply): Promise<BufferedResponse> {
  if (reply.kind === "takeover") {
    reply.take(new MemoryConnection(() => undefined).engineEnd());
    return { ...decodeHead(reply.head.subarray(0, headEnd(reply.head))), body: nothing };
  }
  if (reply.kind === "fixed") {
    const body = typeof reply.body === "string" ? encoder.encode(reply.body) : reply.body;
    return { ...headOf(reply), body };
  }
  const pieces: Uint8Array[] = [];
  for await (const chunk of reply.body) pieces.push(chunk.slice());
  return { ...headOf(reply), body: Buffer.concat(pieces) };
}

function takenOver(
  reply: TakeoverReply,
  connection: MemoryConnection,
  socket: SyncSocket,
): Upgraded<SyncSocket> {
  const end = headEnd(reply.head);
  reply.take(connection.engineEnd());
  return { head: decodeHead(reply.head.subarray(0, end)), stream: socket, early: reply.head.subarray(end) };
}

async function* oneOf(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  if (bytes.length > 0) yield bytes;
}
