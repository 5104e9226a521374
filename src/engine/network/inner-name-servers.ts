/**
 * Name servers that listen within a container's namespace, where no address of the host's is in its networks or the host
 * lets nothing in. The sockets are made there and belong to the engine, whose end closes them: the next one makes others.
 */
import { type NameSockets, openNameSockets } from "../../kernel/name-sockets.ts";
import type { OwnedFd } from "../../kernel/owned-fd.ts";

/** Answers at the sockets, which are its own from then on, what that container may know, until it is disposed of. */
export type ServeNames = (containerId: string, sockets: NameSockets) => Disposable;

interface Inner {
  readonly port: number;
  readonly served: Disposable;
}

export class InnerNameServers {
  readonly #serve: ServeNames | undefined;
  readonly #byContainer = new Map<string, Inner>();

  /** Without `serve` nobody answers. */
  constructor(serve: ServeNames | undefined) {
    this.#serve = serve;
  }

  /** The port at `address` where the container's is, made where there is none yet; undefined: nobody answers. */
  open(containerId: string, netns: OwnedFd, address: number): number | undefined {
    const known = this.#byContainer.get(containerId);
    if (known !== undefined) return known.port;
    if (this.#serve === undefined) return undefined;
    const sockets = openNameSockets(netns, address);
    const { port } = sockets;
    try {
      this.#byContainer.set(containerId, { port, served: this.#serve(containerId, sockets) });
    } catch (thrown) {
      sockets[Symbol.dispose]();
      throw thrown;
    }
    return port;
  }

  has(containerId: string): boolean {
    return this.#byContainer.has(containerId);
  }

  /** Idempotent. What is not closed keeps the container's namespace with all its links. */
  close(containerId: string): void {
    this.#byContainer.get(containerId)?.served[Symbol.dispose]();
    this.#byContainer.delete(containerId);
  }

  clear(): void {
    for (const id of [...this.#byContainer.keys()]) this.close(id);
  }
}
