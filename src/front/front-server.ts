/**
 * Performs commands of the command line for fronts, in the engine's own process. Who can connect here can connect to the API, and
 * nothing is done here but calls of it: a front's rights are those of the socket.
 */
import type { SocketListener } from "bun";
import { CallerNeeded, type StandardFd, type WindowSize } from "../cli/io.ts";
import { runCli } from "../cli/run-cli.ts";
import { after } from "../lib/timer.ts";
import { BunDuplex, type CallerAt } from "../transport/bun-duplex.ts";
import type { HttpHandler } from "../transport/http-message.ts";
import type { FrontFiles } from "./front-files.ts";
import { FrontGone, FrontIo } from "./front-io.ts";
import { type FrontCommand, FrontLink } from "./front-link.ts";
import { isServed } from "./served-commands.ts";

export interface FrontServerOptions {
  readonly version: string;
  /** The API's. */
  readonly handle: HttpHandler;
  /** TZ of this process: who counts in another one has its times told by its own program. */
  readonly timeZone: string | undefined;
  /** Who is at the other end of a connection. */
  readonly callerAt: CallerAt;
  /** Of a process that may read whatever this one may. */
  filesOf(pid: number): FrontFiles;
  /** A command that failed in a way that it cannot tell. */
  onFault(error: unknown): void;
}

/** Further ones do without. */
const limitFronts = 2048;
/** A front speaks at once. */
const commandLimitMs = 5000;
const failureExit = 125;

export class FrontServer {
  readonly #options: FrontServerOptions;
  readonly #links = new Set<FrontLink>();
  #listener: SocketListener<BunDuplex> | undefined;

  constructor(options: FrontServerOptions) {
    this.#options = options;
  }

  /** Listens on a path that must not exist. Throws what `Bun.listen` throws. */
  listen(unix: string): void {
    const socket = {
      ...BunDuplex.events,
      open: (opened: Parameters<typeof BunDuplex.events.open>[0]) => {
        opened.data = new BunDuplex();
        BunDuplex.events.open(opened);
        this.#accept(opened.data);
      },
    };
    const options = { unix, allowHalfOpen: true, data: new BunDuplex(), socket };
    // Bun's declarations put `allowHalfOpen` on TCP only; unix sockets honour it too.
    this.#listener = Bun.listen<BunDuplex>(options as Parameters<typeof Bun.listen<BunDuplex>>[0]);
  }

  close(): void {
    this.#listener?.stop();
    this.#listener = undefined;
    for (const link of this.#links) link.cut();
  }

  #accept(duplex: BunDuplex): void {
    if (this.#links.size >= limitFronts) {
      duplex.destroy();
      return;
    }
    const windows = new Map<StandardFd, WindowSize>();
    let io: FrontIo | undefined;
    const silent = after(commandLimitMs, () => link.cut(), { background: true });
    const link: FrontLink = new FrontLink(duplex, {
      command: (command) => {
        if (io !== undefined) throw new Error("a front has one command");
        silent.cancel();
        const caller = duplex.caller(this.#options.callerAt);
        // As this one reads with all rights, only for who has them too.
        const files = caller?.uid === 0 ? this.#options.filesOf(caller.pid) : undefined;
        io = new FrontIo({ ...this.#options, link, command, windows, caller, files });
        void this.#perform(io, link, command);
      },
      window: (fd, size) => {
        windows.set(fd, size);
        io?.takeWindow(fd, size);
      },
      signal: (number) => io?.takeSignal(number),
      input: (bytes) => io?.takeInput(bytes),
      outputFailed: (fd, errno) => io?.takeFailure(fd, errno),
      drain: () => io?.takeDrain(),
      close: () => {
        silent.cancel();
        this.#links.delete(link);
        io?.takeEnd();
      },
    });
    this.#links.add(link);
    link.send("hello", {});
  }

  async #perform(io: FrontIo, link: FrontLink, { words, env }: FrontCommand): Promise<void> {
    if (env["TZ"] !== this.#options.timeZone) {
      link.send("alone", {});
      return;
    }
    try {
      const code = await runCli(words, io, { only: isServed });
      if (io.mustBeDoneAlone) {
        link.send("alone", {});
        return;
      }
      // What a failed command has said, also of a failed write; one that has not failed has left already.
      io.begun();
      link.send("leave", { code, anyway: 1 });
    } catch (thrown) {
      if (thrown instanceof FrontGone) return;
      if (thrown instanceof CallerNeeded && !io.hasBegun) {
        link.send("alone", {});
        return;
      }
      this.#options.onFault(thrown);
      link.send("leave", { code: failureExit, anyway: 1 });
    }
  }
}
