/**
 * Finds the programs that are volume drivers, where Docker looks for them: `NAME.sock` below /run/docker/plugins, and files that say
 * where they listen, `NAME.spec` (an address) and `NAME.json`, below /etc/docker/plugins and /usr/lib/docker/plugins.
 */
import { lstatSync } from "node:fs";
import { unknownVolumeDriver } from "../../docker/messages.ts";
import { readConfiguration } from "../../lib/configuration.ts";
import { anything, decoderKit, optional } from "../../lib/decoders.ts";
import { TiffinError } from "../../lib/errors.ts";
import { FileFault } from "../../lib/file-fault.ts";
import { type PluginAddress, VolumePlugin } from "./plugin.ts";

const { closed, text } = decoderKit({
  code: "volume.plugin-file",
  whole: "plug-in's file",
  shownLength: 60,
  limitElements: 1 << 10,
  allowsNul: false,
  nullIsEmpty: true,
});
const description = closed({ Addr: text, TLSConfig: optional(anything) }, { besides: ["Name"] });

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
        const found = writtenAddress(`${stem}.spec`) ?? describedAddress(`${stem}.json`);
        if (found !== undefined) return found;
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

/** Who writes it gets the volumes of containers. */
const form = { code: "volume.plugin-file", limitBytes: limitFileBytes, trusted: true };

function writtenAddress(path: string): PluginAddress | undefined {
  const decode = (value: unknown): PluginAddress => parseAddress(typeof value === "string" ? value : "");
  return readConfiguration(path, { ...form, decode, parse: (text) => text.trim() });
}

function describedAddress(path: string): PluginAddress | undefined {
  return readConfiguration(path, {
    ...form,
    decode(value, at) {
      const { Addr, TLSConfig } = description(value, at);
      if (TLSConfig !== undefined && TLSConfig !== null)
        throw new FileFault("TLSConfig: plug-ins by TLS are not supported");
      return parseAddress(Addr);
    },
  });
}

function parseAddress(address: string): PluginAddress {
  const unix = /^unix:\/\/(\/.+)$/.exec(address)?.[1];
  if (unix !== undefined) return { unix };
  const server = /^(?:tcp|http):\/\/([^/?#\s]+)\/?$/.exec(address)?.[1];
  if (server !== undefined) return { url: `http://${server}` };
  throw new FileFault(`found the address ${JSON.stringify(address)}, wanted unix:///PATH or tcp://HOST:PORT`);
}
