/** The configuration is read anew while the engine runs (SIGHUP): what can change at once does, the rest is named. */
import type { TcpDoor } from "../api/mod.ts";
import { type EngineConfig, engineConfig, liveSettings } from "../engine/config.ts";
import { type GivenSettings, type Settings, settingNames, settings } from "./daemon-options.ts";
import type { EngineLog } from "./engine-log.ts";
import { tcpPlan } from "./tcp-settings.ts";

export interface Reloading {
  /** The file, with what the command line says over it. Throws what is wrong there. */
  readonly read: () => GivenSettings;
  readonly log: EngineLog;
  readonly adopt: (config: EngineConfig) => void;
  /** Where the engine listens by TCP. */
  readonly door: TcpDoor | undefined;
}

const tlsSettings = [
  "tlsCertificate",
  "tlsKey",
  "tlsAuthority",
] as const satisfies readonly (keyof Settings)[];

/** Everything that is set, defaults too: what says a default aloud differs in nothing. */
function effective(given: GivenSettings): GivenSettings {
  tcpPlan(given);
  return { tcpHosts: [], tlsVerify: false, unauthenticatedTcp: false, ...given, ...engineConfig(given) };
}

/** Certificates can be others at once as long as there are some, and as long as clients are asked for theirs or not as before. */
function keepsTls(before: GivenSettings, after: GivenSettings): boolean {
  const isEncrypted = (given: GivenSettings): boolean => tcpPlan(given)?.tls !== undefined;
  return isEncrypted(before) && isEncrypted(after) && before.tlsVerify === after.tlsVerify;
}

/** Reads what the files of certificates hold by now. What it returns puts that in force, and says so. */
function renewed(given: GivenSettings, { door, log }: Reloading): () => string[] {
  const tls = tcpPlan(given)?.tls;
  if (door === undefined || tls === undefined) return () => [];
  const apply = door.renew(tls, (sentence) => log.say("warn", sentence));
  return () => (apply() ? ["the certificates for TCP"] : []);
}

/** What to call for each reload, of an engine that was started with `first`. It never throws: a faulty file changes nothing. */
export function reloader(first: GivenSettings, reloading: Reloading): () => void {
  const { read, log, adopt } = reloading;
  const opened = effective(first);
  let last = opened;
  return () => {
    try {
      const given = read();
      const next = effective(given);
      const renews = keepsTls(opened, next);
      const isLive = (name: keyof Settings): boolean =>
        liveSettings.some((live) => live === name) || (renews && tlsSettings.some((live) => live === name));
      const changed = settingNames.filter((name) => isLive(name) && !Bun.deepEquals(last[name], next[name]));
      // Compared with what the engine was opened with: as long as the two differ, a restart is still due.
      const due = settingNames.filter((name) => !isLive(name) && !Bun.deepEquals(opened[name], next[name]));
      const renew = renews ? renewed(next, reloading) : () => [];
      adopt(engineConfig(given));
      const taken = [...changed.map((name) => settings[name].key), ...renew()];
      last = next;
      log.say(
        "info",
        taken.length === 0
          ? "the configuration was read anew: nothing to take over"
          : `the configuration was read anew: now in force: ${taken.join(", ")}`,
      );
      const keys = due.map((name) => settings[name].key).join(", ");
      if (keys !== "") log.say("warn", `the configuration was read anew: only a restart changes ${keys}`);
    } catch (thrown) {
      log.fail(thrown, "the configuration stays as it was");
    }
  };
}
