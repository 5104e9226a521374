/**
 * Finds the programs that are volume drivers, where Docker looks for them: `NAME.sock` below /run/docker/plugins, and files that say
 * where they listen, `NAME.spec` (an address) and `NAME.json`, below /etc/docker/plugins and /usr/lib/docker/plugins.
 */
import { lstatSync, readFileSync } from "node:fs";
import { unknownVolumeDriver } from "../../docker/messages.ts";
import { anything, decoderKit, optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import { type PluginAddress, VolumePlugin } from "./plugin.ts";

const { object, text } = decoderKit({
  code: "volume.plugin-file",
  whole: "plug-in's file",
  shownLength: 60,
  limitElements: 1 << 10,
  allowsNul: false,
  nullIsEmpty: true,
});
const description = object({ Addr: text, TLSConfig: optional(anything) });

export interface PluginPlaces {
  readonly sockets: string;
  /** Looked at in this order. */
  readonly files: readonly string[];
}

const standardPlaces: PluginPlaces = {
  sockets: "/run/docker/plugins",
  files: ["/etc/docker/plugins", "/usr/lib/docker/plugins"],
};
const namePattern = /^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/;
const limitFileBytes = 64 << 10;

export class VolumePlugins {
  readonly #places: PluginPlaces;
  /** Those that have said that they make volumes. */
  readonly #active = new Map<string, VolumePlugin>();

  constructor(places: PluginPlaces = standardPlaces) {
    this.#places = places;
  }

  /** Errors: `volume.driver` when there is none of that name, `volume.plugin` when it does not answer. */
  async find(name: string): Promise<VolumePlugin> {
    const known = this.#active.get(name);
    if (known !== undefined) return known;
    const address = namePattern.test(name) ? this.#addressOf(name) : undefined;
    if (address === undefined) throw missing(name);
    const plugin = new VolumePlugin(name, address);
    if (!(await plugin.makesVolumes())) throw missing(name);
    this.#active.set(name, plugin);
    return plugin;
  }

  #addressOf(name: string): PluginAddress | undefined {
    const { sockets, files } = this.#places;
    for (const path of [`${sockets}/${name}.sock`, `${sockets}/${name}/${name}.sock`]) {
      if (lstatSync(path, { throwIfNoEntry: false })?.isSocket() === true) return { unix: path };
    }
    for (const directory of files) {
      for (const stem of [`${directory}/${name}`, `${directory}/${name}/${name}`]) {
        const written = readIfThere(`${stem}.spec`);
        if (written !== undefined) return parseAddress(`${stem}.spec`, written.trim());
        const described = readIfThere(`${stem}.json`);
        if (described !== undefined) return describedAddress(`${stem}.json`, described);
      }
    }
    return undefined;
  }
}

function missing(name: string): TiffinError {
  return new TiffinError("notFound", "volume.driver", unknownVolumeDriver(name), {
    remedy: "a plug-in listens at /run/docker/plugins/NAME.sock; without one there is the driver local",
  });
}

function readIfThere(path: string): string | undefined {
  const status = lstatSync(path, { throwIfNoEntry: false });
  if (status === undefined) return undefined;
  if (status.isFile() && status.size <= limitFileBytes) return readFileSync(path, "utf8");
  throw refusal(path, `it is no file of at most ${limitFileBytes} bytes`);
}

function describedAddress(path: string, content: string): PluginAddress {
  let value: unknown;
  try {
    value = JSON.parse(content);
  } catch {
    throw refusal(path, "it is not JSON");
  }
  const { Addr, TLSConfig } = description(value, path);
  if (TLSConfig !== undefined && TLSConfig !== null) throw refusal(path, "plug-ins by TLS are not supported");
  return parseAddress(path, Addr);
}

function parseAddress(path: string, address: string): PluginAddress {
  const unix = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (unix !== undefined) return { unix };
  const server = /^(?:tcp|http):\/\/([^/?#\s]+)\/?$/.exec(address)?.[1];
  if (server !== undefined) return { url: `http://${server}` };
  throw refusal(path, `its address is ${JSON.stringify(address)}, wanted unix:///PATH or tcp://HOST:PORT`);
}

function refusal(path: string, why: string): TiffinError {
  return new TiffinError("invalid", "volume.plugin-file", `cannot use the plug-in of ${path}: ${why}`);
}
