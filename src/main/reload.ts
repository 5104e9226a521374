/** The configuration is read anew while the engine runs (SIGHUP): what can change at once does, the rest is named. */
import { type EngineConfig, engineConfig, liveSettings } from "../engine/config.ts";
import { type GivenSettings, type Settings, settingNames, settings } from "./daemon-options.ts";
import type { EngineLog } from "./engine-log.ts";
import { tcpPlan } from "./tcp-settings.ts";

export interface Reloading {
  /** The file, with what the command line says over it. Throws what is wrong there. */
  readonly read: () => GivenSettings;
  readonly log: EngineLog;
  readonly adopt: (config: EngineConfig) => void;
}

/** Everything that is set, defaults too: what says a default aloud differs in nothing. */
function effective(given: GivenSettings): GivenSettings {
  tcpPlan(given);
  return { tcpHosts: [], tlsVerify: false, unauthenticatedTcp: false, ...given, ...engineConfig(given) };
}

function isLive(name: keyof Settings): boolean {
  return liveSettings.some((live) => live === name);
}

function keysOf(names: readonly (keyof Settings)[]): string {
  return names.map((name) => settings[name].key).join(", ");
}

/** What to call for each reload, of an engine that was started with `first`. It never throws: a faulty file changes nothing. */
export function reloader(first: GivenSettings, { read, log, adopt }: Reloading): () => void {
  const opened = effective(first);
  let last = opened;
  return () => {
    try {
      const given = read();
      const next = effective(given);
      const taken = settingNames.filter((name) => isLive(name) && !Bun.deepEquals(last[name], next[name]));
      // Compared with what the engine was opened with: as long as the two differ, a restart is still due.
      const due = settingNames.filter((name) => !isLive(name) && !Bun.deepEquals(opened[name], next[name]));
      adopt(engineConfig(given));
      last = next;
      log.say(
        "info",
        taken.length === 0
          ? "the configuration was read anew: nothing to take over"
          : `the configuration was read anew: now in force: ${keysOf(taken)}`,
      );
      if (due.length > 0)
        log.say("warn", `the configuration was read anew: only a restart changes ${keysOf(due)}`);
    } catch (thrown) {
      log.fail(thrown, "the configuration stays as it was");
    }
  };
}
