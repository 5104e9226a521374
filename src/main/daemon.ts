/** `tiffin daemon`: one engine behind one API socket, until SIGTERM or SIGINT. Running containers outlive it. SIGHUP reads the configuration anew. */

import { writeSync } from "node:fs";
import { engineFront } from "../abi/front.ts";
import { type ApiServer, bindSocketPath, checkSocketPath, createApi, prepareTcp } from "../api/mod.ts";
import { type EngineConfig, engineConfig } from "../engine/config.ts";
import { openEngine } from "../engine/mod.ts";
import type { FrontServer } from "../front/mod.ts";
import { callerAt } from "../kernel/caller.ts";
import { CallerFiles } from "../kernel/caller-files.ts";
import { acceptEach, notifyManager, takeListeners } from "../kernel/service-manager.ts";
import { unreadBytes } from "../kernel/unread-bytes.ts";
import { messageOf, TiffinError } from "../lib/errors.ts";
import { machineGoesDown } from "../runtime/mod.ts";
import { fromDockerConfig, readConfigFile } from "./config-file.ts";
import type { GivenSettings } from "./daemon-options.ts";
import { daemonPage, parseDaemonWords } from "./daemon-words.ts";
import { EngineLog, isJournal } from "./engine-log.ts";
import { executorBinary } from "./executor-binary.ts";
import { MemoryAtRest } from "./memory-at-rest.ts";
import { reloader } from "./reload.ts";
import { serveMetrics } from "./serve-metrics.ts";
import { tcpPlan } from "./tcp-settings.ts";
import { version } from "./version.ts";

/** sun_path of unix(7) with its final zero byte. */
const limitSocketPathBytes = 107;

const pageWidth = 100;

/** Prints what a daemon.json of Docker comes to; what has no place in it is named beside that. */
function convertDockerConfig(file: string): void {
  const { document, left } = fromDockerConfig(file);
  for (const sentence of left) writeSync(2, `tiffin daemon: ${file}: ${sentence}\n`);
  writeSync(1, `${JSON.stringify(document, undefined, 2)}\n`);
}

function stopSignal(): Promise<undefined> {
  return new Promise((resolve) => {
    for (const name of ["SIGTERM", "SIGINT"] as const) process.on(name, () => resolve(undefined));
    // The terminal that started us may go away; the engine stays. Nothing is reloaded before it is ready.
    process.on("SIGHUP", () => undefined);
  });
}

/** Listens for fronts beside the API's socket; undefined where the path has no room for a longer one. */
async function serveFronts(api: ApiServer, host: string, log: EngineLog): Promise<FrontServer | undefined> {
  const path = `${host.slice(engineFront.scheme.length)}${engineFront.suffix}`;
  if (Buffer.byteLength(path) > limitSocketPathBytes) return undefined;
  const { FrontServer: Server } = await import("../front/mod.ts");
  const server = new Server({
    version,
    handle: api.handle,
    timeZone: process.env["TZ"],
    callerAt,
    filesOf: (pid) => new CallerFiles(pid),
    onFault: (error) => log.fail(error, "a command failed"),
  });
  await bindSocketPath(path, () => server.listen(path));
  return server;
}

function openLog({ logLevel: level, logFormat: format }: EngineConfig): EngineLog {
  return new EngineLog({ level, format, toJournal: isJournal(process.env["JOURNAL_STREAM"]) });
}

/** What ends and clean-up of containers take beside the time that they are given. */
const afterGraceSeconds = 30;

function warn(sentence: string): void {
  writeSync(2, `tiffin daemon: ${sentence}\n`);
}

/** Runs until told to stop; returns the exit code. */
export async function runDaemon(words: readonly string[]): Promise<number> {
  if (words.includes("--help")) {
    writeSync(1, daemonPage(pageWidth));
    return 0;
  }
  // The executable starts with a policy for commands that end in a few milliseconds.
  Bun.unsafe.setJITPolicy(1);
  try {
    const { given, action, configFile, fromDocker } = parseDaemonWords(words);
    if (fromDocker !== undefined) {
      convertDockerConfig(fromDocker);
      return 0;
    }
    const read = (): GivenSettings => ({ ...readConfigFile(configFile), ...given });
    const found = read();
    const config = engineConfig(found);
    const plan = tcpPlan(found);
    const listenTcp = plan === undefined ? undefined : await prepareTcp({ ...plan, warn });
    if (action === "validate") {
      writeSync(1, "the configuration is right\n");
      return 0;
    }
    if (action === "uninstall") {
      await (await openEngine(config, { executor: executorBinary(), version })).uninstall();
      return 0;
    }
    // Neither is for the programs that the engine starts.
    const listeners = takeListeners(process.env, process.pid);
    if (listeners.length === 0) checkSocketPath(config.host.slice(engineFront.scheme.length));
    const manager = process.env["NOTIFY_SOCKET"];
    delete process.env["NOTIFY_SOCKET"];
    const stopped = stopSignal();
    const log = openLog(config);
    const report = (thrown: unknown): void => log.fail(thrown);
    const opening = openEngine(config, { executor: executorBinary(), version, report });
    const engine = await Promise.race([opening, stopped]);
    // As good as a crash, which every next engine puts right: nothing that is under way is worth waiting for.
    if (engine === undefined) return 0;
    try {
      const api = createApi(engine, {
        unread: unreadBytes,
        callerAt,
        onFault: (error) => log.fail(error, "request failed", true),
      });
      const fault = (error: unknown): void => log.fail(error, "a connection is lost");
      const telling = engine.events.subscribe(({ type, action, id, attributes }) =>
        log.say("info", `${type} ${action}`, { id, ...(attributes["name"] && { name: attributes["name"] }) }),
      );
      using rest = new MemoryAtRest();
      using _working = engine.events.subscribe(() => rest.heard());
      const { metricsAddress } = config;
      const metrics = metricsAddress === "" ? undefined : serveMetrics(metricsAddress, api.handle, fault);
      const closing = new AbortController();
      const accepting = listeners.map((listener) =>
        acceptEach(listener, closing.signal, (fd) => void api.adopt(fd).catch(fault)),
      );
      if (listeners.length === 0) await api.listen(config.host);
      const fronts = await serveFronts(api, config.host, log);
      const remote = await listenTcp?.(config.host.slice(engineFront.scheme.length));
      const reload = reloader(found, {
        read,
        log,
        door: remote,
        adopt(next) {
          engine.adopt(next);
          log.adjust({ level: next.logLevel, format: next.logFormat });
        },
      });
      process.on("SIGHUP", reload);
      const unheard = notifyManager(manager, "READY=1");
      if (unheard !== undefined) log.say("warn", `cannot say that it is ready: ${unheard}`);
      log.say("info", "the engine is ready", { version, host: config.host, root: config.root });
      await stopped;
      process.off("SIGHUP", reload);
      notifyManager(manager, "STOPPING=1");
      log.say("info", "the engine stops");
      if (manager !== undefined && machineGoesDown()) {
        const microseconds = (engine.longestGraceSeconds() + afterGraceSeconds) * 1_000_000;
        notifyManager(manager, `EXTEND_TIMEOUT_USEC=${microseconds}`);
        await engine.endForPowerOff();
      }
      telling[Symbol.dispose]();
      await metrics?.close(0);
      closing.abort();
      await Promise.all(accepting);
      remote?.[Symbol.dispose]();
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
