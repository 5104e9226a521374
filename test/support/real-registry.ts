/** Debian's docker-registry on a port of the kernel's choice, with its own storage; gone with `using`. */
import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { temporaryDirectory } from "./temporary-directory.ts";

export interface RegistrySetup {
  readonly tls?: { readonly certificate: string; readonly key: string; readonly clientAuthority?: string };
  /** Where it listens: on loopback unless given. */
  readonly address?: string;
  /** Name and password of the only user. */
  readonly basic?: readonly [string, string];
  readonly token?: {
    readonly realm: string;
    readonly service: string;
    readonly issuer: string;
    readonly bundle: string;
  };
}

export interface RealRegistry extends AsyncDisposable {
  /** `localhost:41234`. */
  readonly host: string;
  readonly port: number;
  /** What it has logged. */
  log(): string;
  readonly storage: string;
}

export const hasDockerRegistry = Bun.which("docker-registry") !== null;

const loopback = "127.0.0.1";

function configuration(directory: string, { address = loopback, tls, basic, token }: RegistrySetup): string {
  const http = {
    addr: `${address}:0`,
    secret: "test",
    ...(tls === undefined
      ? {}
      : {
          tls: {
            certificate: tls.certificate,
            key: tls.key,
            ...(tls.clientAuthority === undefined ? {} : { clientcas: [tls.clientAuthority] }),
          },
        }),
  };
  const auth = {
    ...(basic === undefined ? {} : { htpasswd: { realm: "test", path: join(directory, "htpasswd") } }),
    ...(token === undefined
      ? {}
      : {
          token: {
            realm: token.realm,
            service: token.service,
            issuer: token.issuer,
            rootcertbundle: token.bundle,
          },
        }),
  };
  // JSON is YAML.
  return JSON.stringify({
    version: "0.1",
    log: { level: "info" },
    storage: { filesystem: { rootdirectory: join(directory, "storage") }, delete: { enabled: true } },
    http,
    ...(Object.keys(auth).length === 0 ? {} : { auth }),
  });
}

export async function startRegistry(setup: RegistrySetup = {}): Promise<RealRegistry> {
  const directory = temporaryDirectory("registry");
  const { path } = directory;
  if (setup.basic !== undefined) {
    const [name, password] = setup.basic;
    const hash = await Bun.password.hash(password, { algorithm: "bcrypt", cost: 4 });
    writeFileSync(join(path, "htpasswd"), `${name}:${hash}\n`);
  }
  const file = join(path, "config.yml");
  writeFileSync(file, configuration(path, setup));
  // It ends with this process, however that ends.
  const child = Bun.spawn(["setpriv", "--pdeathsig", "KILL", "docker-registry", "serve", file], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
    env: { ...process.env, OTEL_TRACES_EXPORTER: "none" },
  });
  let log = "";
  const port = await new Promise<number>((resolve, reject) => {
    const read = async (): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const piece of child.stderr) {
        log += decoder.decode(piece, { stream: true });
        const found = /listening on [\d.]+:(\d+)/.exec(log)?.[1];
        if (found !== undefined) resolve(Number(found));
      }
      reject(new Error(`docker-registry ended: ${log}`));
    };
    read().catch(reject);
  });
  return {
    host: `${setup.address ?? "localhost"}:${port}`,
    port,
    log: () => log,
    storage: join(path, "storage"),
    async [Symbol.asyncDispose]() {
      child.kill();
      await child.exited;
      rmSync(path, { recursive: true, force: true });
    },
  };
}
