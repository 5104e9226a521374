/** An engine as the bench sees it: Docker's API at a socket. */

export interface ApiEngine {
  readonly name: string;
  readonly socket: string;
  readonly image: string;
}

export class EngineApi {
  readonly engine: ApiEngine;
  readonly #undo: (() => Promise<unknown>)[] = [];

  constructor(engine: ApiEngine) {
    this.engine = engine;
  }

  async call(method: string, path: string, body?: unknown): Promise<unknown> {
    const response = await fetch(`http://engine/v1.41${path}`, {
      method,
      unix: this.engine.socket,
      ...(body !== undefined && {
        body: JSON.stringify(body),
        headers: { "content-type": "application/json" },
      }),
    });
    const text = await response.text();
    if (!response.ok) throw new Error(`${this.engine.name}: ${method} ${path}: ${response.status} ${text}`);
    return text === "" ? undefined : JSON.parse(text);
  }

  async network(name: string): Promise<void> {
    await this.call("POST", "/networks/create", { Name: name });
    this.#undo.push(() => this.call("DELETE", `/networks/${name}`));
  }

  /** Created, not started; gone at the end. */
  async container(
    name: string,
    network: string,
    host: Readonly<Record<string, unknown>> = {},
  ): Promise<void> {
    await this.created(name, {
      Image: this.engine.image,
      Cmd: ["sleep", "100000"],
      HostConfig: { NetworkMode: network, ...host },
      ...(host["PortBindings"] !== undefined && { ExposedPorts: { "5201/tcp": {} } }),
    });
  }

  /** The same with a body of one's own. */
  async created(name: string, body: unknown): Promise<void> {
    const { Id } = (await this.call("POST", `/containers/create?name=${name}`, body)) as {
      readonly Id: string;
    };
    // By what no part of the bench changes.
    this.#undo.push(() => this.call("DELETE", `/containers/${Id}?force=1`));
  }

  async start(name: string): Promise<void> {
    await this.call("POST", `/containers/${name}/start`);
  }

  async inspect(
    name: string,
  ): Promise<{ readonly pid: number; readonly address: string; readonly port: number }> {
    const { State, NetworkSettings } = (await this.call("GET", `/containers/${name}/json`)) as {
      readonly State: { readonly Pid: number };
      readonly NetworkSettings: {
        readonly Networks: Readonly<Record<string, { readonly IPAddress: string }>>;
        readonly Ports: Readonly<Record<string, readonly { readonly HostPort: string }[] | null>>;
      };
    };
    return {
      pid: State.Pid,
      address: Object.values(NetworkSettings.Networks)[0]?.IPAddress ?? "",
      port: Number(NetworkSettings.Ports["5201/tcp"]?.[0]?.HostPort ?? 0),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const undo of this.#undo.splice(0).reverse()) {
      await undo().catch((thrown: unknown) => {
        // What stays is told of, for the next part may stumble over it.
        if (!String(thrown).includes(": 404 ")) console.error(`bench: ${String(thrown)}`);
      });
    }
  }
}

/** Milliseconds that `work` takes. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const began = performance.now();
  await work();
  return performance.now() - began;
}
