/** `tiffin daemon`: one engine behind one API socket, until SIGTERM or SIGINT. Running containers outlive it. */

import { writeSync } from "node:fs";
import { engineFront } from "../abi/front.ts";
import { type ApiServer, bindSocketPath, createApi } from "../api/mod.ts";
import {
  defaultHost,
  defaultLimitUnpackedBytes,
  defaultRoot,
  defaultRun,
  type EngineConfig,
  engineConfig,
} from "../engine/config.ts";
import { openEngine } from "../engine/mod.ts";
import type { FrontServer } from "../front/mod.ts";
import { unreadBytes } from "../kernel/unread-bytes.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { own } from "../lib/own.ts";
import { executorBinary } from "./executor-binary.ts";
import { version } from "./version.ts";

/** sun_path of unix(7) with its final zero byte. */
const limitSocketPathBytes = 107;

const usage = `Usage:  tiffin daemon [OPTIONS]

Run the engine in the foreground

Options:
      --root DIR    State that outlives a reboot (default "${defaultRoot}")
      --run DIR     State that does not (default "${defaultRun}")
  -H, --host ADDR   Where clients connect (default "${defaultHost}")
      --unpacked-limit BYTES
                    What an image, and each layer of it, may unpack to (default ${defaultLimitUnpackedBytes})
      --insecure-registry HOST
                    A registry (host[:port], or a block of addresses) that may do without TLS; may be repeated
      --registry-mirror URL
                    A mirror of docker.io that is asked first; may be repeated
      --publish-mode nat|socket
                    How ports are published: by the firewall, or by the engine that listens (default nat)
      --icc true|false
                    Whether containers of the default network reach each other (default true)
      --default-address-pool base=NETWORK,size=BITS
                    Where the subnets of networks come from that nobody chose one for, of either family; may be repeated
      --uninstall   Take the bridge, rules and cgroups of a stopped engine off the host, and exit
      --help        Print usage
`;

type DaemonOptions = {
  root?: string;
  run?: string;
  host?: string;
  limit?: string;
  publishMode?: EngineConfig["publishMode"];
  openWithin?: boolean;
  readonly insecure: string[];
  readonly mirrors: string[];
  readonly pools: string[];
};
const optionNames: Readonly<Record<string, keyof DaemonOptions>> = {
  "--root": "root",
  "--run": "run",
  "--host": "host",
  "-H": "host",
  "--unpacked-limit": "limit",
  "--insecure-registry": "insecure",
  "--registry-mirror": "mirrors",
  "--publish-mode": "publishMode",
  "--icc": "openWithin",
  "--default-address-pool": "pools",
};

function usageError(text: string): TiffinError {
  return new TiffinError("invalid", "daemon.usage", text, {
    remedy: "see: tiffin daemon --help",
    exitCode: 125,
  });
}

function parseOptions(words: readonly string[]): DaemonOptions {
  const options: DaemonOptions = { insecure: [], mirrors: [], pools: [] };
  const rest = [...words];
  for (let word = rest.shift(); word !== undefined; word = rest.shift()) {
    const equals = word.startsWith("--") ? word.indexOf("=") : -1;
    const key = own(optionNames, equals > 0 ? word.slice(0, equals) : word);
    if (key === undefined) throw usageError(`unknown option ${JSON.stringify(word)}`);
    const value = equals > 0 ? word.slice(equals + 1) : rest.shift();
    if (value === undefined || value === "") throw usageError(`option ${word} needs a value`);
    if (key === "limit" && !/^[1-9][0-9]{0,14}$/.test(value)) {
      throw usageError(`${word} needs a number of bytes, found ${JSON.stringify(value)}`);
    }
    if ((key === "root" || key === "run") && !value.startsWith("/")) {
      throw usageError(`${word} needs an absolute path, found ${JSON.stringify(value)}`);
    }
    if (key === "publishMode") {
      if (value !== "nat" && value !== "socket") {
        throw usageError(`${word} needs nat or socket, found ${JSON.stringify(value)}`);
      }
      options[key] = value;
    } else if (key === "openWithin") {
      if (value !== "true" && value !== "false") {
        throw usageError(`${word} needs true or false, found ${JSON.stringify(value)}`);
      }
      options[key] = value === "true";
    } else if (key === "pools") options.pools.push(value);
    else if (key === "insecure" || key === "mirrors") options[key].push(checkedRegistry(word, key, value));
    else options[key] = value;
  }
  return options;
}

/** `host[:port]` or a block of addresses; an address for a mirror. */
function checkedRegistry(word: string, key: "insecure" | "mirrors", value: string): string {
  const isRight =
    key === "mirrors"
      ? /^https?:\/\//.test(value) && URL.canParse(value)
      : /^[A-Za-z0-9.[\]:_-]+(?:\/\d{1,3})?$/.test(value);
  if (isRight) return value;
  const wanted = key === "mirrors" ? "an address such as https://mirror.example" : "a host, or host:port";
  throw usageError(`${word} needs ${wanted}, found ${JSON.stringify(value)}`);
}

function configOf(words: readonly string[]): EngineConfig {
  const { limit, insecure, mirrors, pools, ...places } = parseOptions(words);
  const registries = { insecureRegistries: insecure, registryMirrors: mirrors };
  return engineConfig({
    ...places,
    ...registries,
    addressPools: pools,
    ...(limit === undefined ? {} : { limitUnpackedBytes: Number(limit) }),
  });
}

function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => resolve(undefined));
    // The terminal that started us may go away; the engine stays.
    process.on("SIGHUP", () => undefined);
  });
}

/** Listens for fronts beside the API's socket; undefined where the path has no room for a longer one. */
async function serveFronts(api: ApiServer, host: string): Promise<FrontServer | undefined> {
  const path = `${host.slice(engineFront.scheme.length)}${engineFront.suffix}`;
  if (Buffer.byteLength(path) > limitSocketPathBytes) return undefined;
  const { FrontServer: Server } = await import("../front/mod.ts");
  const server = new Server({
    version,
    handle: api.handle,
    timeZone: process.env["TZ"],
    onFault: (error) => writeSync(2, `tiffin: a command failed: ${messageOf(error)}\n`),
  });
  await bindSocketPath(path, () => server.listen(path));
  return server;
}

/** Runs until told to stop; returns the exit code. */
export async function runDaemon(words: readonly string[]): Promise<number> {
  if (words.includes("--help")) {
    writeSync(1, usage);
    return 0;
  }
  // The executable starts with a policy for commands that end in a few milliseconds.
  Bun.unsafe.setJITPolicy(1);
  try {
    const uninstall = words.includes("--uninstall");
    const config = configOf(words.filter((word) => word !== "--uninstall"));
    if (uninstall) {
      await (await openEngine(config, { executor: executorBinary(), version })).uninstall();
      return 0;
    }
    const stopped = stopSignal();
    const opening = openEngine(config, { executor: executorBinary(), version });
    const engine = await Promise.race([opening, stopped]);
    // As good as a crash, which every next engine puts right: nothing that is under way is worth waiting for.
    if (engine === undefined) return 0;
    try {
      const api = createApi(engine, { unread: unreadBytes });
      await api.listen(config.host);
      const fronts = await serveFronts(api, config.host);
      await stopped;
      fronts?.close();
      await api.close();
    } finally {
      // One that nobody can reach leaves nothing on the host either.
      await engine.close();
    }
    return 0;
  } catch (thrown) {
    const remedy = thrown instanceof TiffinError && thrown.remedy !== undefined ? ` (${thrown.remedy})` : "";
    writeSync(2, `tiffin daemon: ${messageOf(thrown)}${remedy}\n`);
    return thrown instanceof TiffinError ? (thrown.exitCode ?? 1) : 1;
  }
}
