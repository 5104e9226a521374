/** BuildKit's services for the connections of clients, loaded when the first one comes. */
import { GrpcServer, SessionRegistry } from "../../buildkit/mod.ts";
import type { ByteDuplex } from "../../lib/byte-duplex.ts";
import type { BuildKitParts } from "./buildkit-parts.ts";
import { CacheRecords } from "./cache-records.ts";
import { controlMethods } from "./control-methods.ts";
import { gatewayMethods } from "./gateway-methods.ts";
import { BuildHistory } from "./history.ts";
import { PassingImages } from "./passing-images.ts";
import { SessionBuilds } from "./session-builds.ts";
import { Solver } from "./solver.ts";
import { SolveRegistry } from "./solves.ts";
import { stageTar } from "./staged-tree.ts";
import { workerOf } from "./worker.ts";

export class BuildKitServer {
  readonly sessions = new SessionRegistry();
  readonly builds: SessionBuilds;
  readonly #solves = new SolveRegistry();
  readonly #server: GrpcServer;

  constructor(parts: BuildKitParts) {
    const { limitBytes, directory, builds: builder } = parts;
    const solver = new Solver({
      builder,
      sessions: this.sessions,
      limitBytes,
      host: parts.host,
      stage: (tar) => stageTar(tar, directory, limitBytes),
    });
    const history = new BuildHistory();
    const control = {
      solver,
      solves: this.#solves,
      sessions: this.sessions,
      history,
      cache: new CacheRecords(builder),
      worker: workerOf(parts),
      passing: new PassingImages(parts.images, this.#solves),
    };
    this.builds = new SessionBuilds({ solver, solves: this.#solves, history, limitBytes });
    this.#server = new GrpcServer(new Map([...controlMethods(control), ...gatewayMethods(control)]));
  }

  serve(client: ByteDuplex): void {
    this.#server.serve(client);
  }

  /** Ends what is under way. */
  [Symbol.dispose](): void {
    this.#solves.cancelAll();
    this.sessions[Symbol.dispose]();
  }
}
