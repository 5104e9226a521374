/** BuildKit's protocol as the API asks for it. What speaks it is loaded with the first connection. */
import { removeTree } from "../../kernel/directory.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { BuildKitParts } from "./buildkit-parts.ts";
import type { BuildKitServer } from "./buildkit-server.ts";
import type { SessionBuildMessage, SessionBuildRequest } from "./session-builds.ts";

export interface SessionOffer {
  readonly id: string;
  readonly sharedKey: string;
  readonly methods: readonly string[];
}

export class BuildKitService {
  readonly #parts: BuildKitParts;
  #loading: Promise<BuildKitServer> | undefined;
  #server: BuildKitServer | undefined;

  constructor(parts: BuildKitParts) {
    this.#parts = parts;
    // What an engine left that ended in the middle.
    removeTree(parts.directory);
  }

  /** What takes the connection over. Errors: `buildkit.session`. */
  async openSession(offer: SessionOffer): Promise<(client: ByteDuplex) => void> {
    const { sessions } = await this.#load();
    sessions.check(offer);
    return (client) => {
      try {
        sessions.accept(offer, client);
      } catch {
        // Another of the same id came in the same moment.
        client.destroy();
      }
    };
  }

  async openControl(): Promise<(client: ByteDuplex) => void> {
    const server = await this.#load();
    return (client) => server.serve(client);
  }

  /** Errors: those of the build. */
  async buildForSession(
    request: SessionBuildRequest,
    report: (message: SessionBuildMessage) => void,
    signal: AbortSignal,
  ): Promise<void> {
    const { builds } = await this.#load();
    await builds.build(request, report, signal);
  }

  async receiveContext(id: string, body: AsyncIterable<Uint8Array>, signal: AbortSignal): Promise<void> {
    const { builds } = await this.#load();
    await builds.receiveContext(id, body, signal);
  }

  /** Nothing happens when there is no such build: it may just have ended. */
  async cancel(id: string): Promise<void> {
    this.#server?.builds.cancel(id);
  }

  /** Ends what is under way. */
  [Symbol.dispose](): void {
    this.#server?.[Symbol.dispose]();
  }

  #load(): Promise<BuildKitServer> {
    this.#loading ??= import("./buildkit-server.ts").then(({ BuildKitServer: Server }) => {
      this.#server = new Server(this.#parts);
      return this.#server;
    });
    return this.#loading;
  }
}
