/** A port of this network's loopback, reached at the same port of loopback in the network of another process; ended with `using`. */
import { type AddressInfo, connect, createServer, type Server, type Socket } from "node:net";

/** Both ends are pipes of one another, and end together. */
function join(one: Socket, other: Socket): void {
  one.pipe(other);
  other.pipe(one);
  one.on("error", () => other.destroy());
  other.on("error", () => one.destroy());
}

/** What runs in the other network: it listens there and hands on to a socket, which is the same file in every network. */
const inner = `const { connect, createServer } = require("node:net");
const [path, port] = process.argv.slice(-2);
createServer((client) => {
  const far = connect(path);
  client.pipe(far);
  far.pipe(client);
  client.on("error", () => far.destroy());
  far.on("error", () => client.destroy());
}).listen(Number(port), "127.0.0.1", () => console.log("ready"));`;

export class LoopbackRelay implements AsyncDisposable {
  readonly #server: Server;
  readonly #child: Bun.Subprocess;

  private constructor(server: Server, child: Bun.Subprocess) {
    this.#server = server;
    this.#child = child;
  }

  /** @param path Of the socket between the two networks. */
  static async start(path: string, port: number, pid: number): Promise<LoopbackRelay> {
    const server = createServer((client) => join(client, connect(port, "127.0.0.1")));
    await new Promise<AddressInfo | string | null>((resolve) =>
      server.listen(path, () => resolve(server.address())),
    );
    const child = Bun.spawn(
      [
        ...["setpriv", "--pdeathsig", "KILL", "nsenter", `--net=/proc/${pid}/ns/net`],
        ...[process.execPath, "-e", inner, path, `${port}`],
      ],
      { stdin: "ignore", stdout: "pipe", stderr: "inherit" },
    );
    const first = await child.stdout.getReader().read();
    if (first.done) throw new Error(`nobody listens at port ${port} in the network of process ${pid}`);
    return new LoopbackRelay(server, child);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
    this.#server.close();
  }
}
