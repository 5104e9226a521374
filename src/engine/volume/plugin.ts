/**
 * A volume driver of somebody else: a program that answers Docker's volume plug-in protocol, JSON over HTTP at a socket. It makes
 * volumes and says where on the host they are; nothing of what it says is believed without a look.
 */
import { anything, decoderKit, optional } from "../../lib/decoders.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { after } from "../../lib/timer.ts";
import type { DriverOptions } from "./local-options.ts";

const { list, mapOf, nullable, object, text } = decoderKit({
  code: "volume.plugin-answer",
  whole: "answer",
  shownLength: 60,
  limitElements: 1 << 16,
  allowsNul: false,
  nullIsEmpty: true,
});

const limitAnswerBytes = 1 << 20;
const limitMs = 20_000;

/** Where it listens: `unix` is a path, `url` a server. */
export type PluginAddress = { readonly unix: string } | { readonly url: string };

const outcome = object({ Err: optional(nullable(text)) });
const activation = object({ Implements: optional(nullable(list(text))) });
const mounting = object({ Mountpoint: optional(nullable(text)) });
const looking = object({
  Volume: optional(
    nullable(object({ Mountpoint: optional(nullable(text)), Status: optional(nullable(mapOf(anything))) })),
  ),
});
type Decoder<T> = (value: unknown, path: string) => T;

export interface PluginVolume {
  /** Empty while nothing has it mounted, for some. */
  readonly mountpoint: string;
  readonly status: Readonly<Record<string, unknown>> | undefined;
}

export class VolumePlugin {
  readonly #name: string;
  readonly #address: PluginAddress;

  constructor(name: string, address: PluginAddress) {
    this.#name = name;
    this.#address = address;
  }

  /** Whether it makes volumes at all. */
  async makesVolumes(): Promise<boolean> {
    const { Implements } = await this.#call("Plugin.Activate", {}, activation);
    return Implements?.includes("VolumeDriver") ?? false;
  }

  async create(name: string, options: DriverOptions): Promise<void> {
    await this.#call("VolumeDriver.Create", { Name: name, Opts: options }, outcome);
  }

  async remove(name: string): Promise<void> {
    await this.#call("VolumeDriver.Remove", { Name: name }, outcome);
  }

  /** Where on the host it is from now on, for the use `id`. */
  async mount(name: string, id: string): Promise<string> {
    const { Mountpoint } = await this.#call("VolumeDriver.Mount", { Name: name, ID: id }, mounting);
    if (Mountpoint?.startsWith("/") === true) return Mountpoint;
    throw this.#failure("VolumeDriver.Mount", `it says ${JSON.stringify(Mountpoint ?? "")} for a place`);
  }

  async unmount(name: string, id: string): Promise<void> {
    await this.#call("VolumeDriver.Unmount", { Name: name, ID: id }, outcome);
  }

  async look(name: string): Promise<PluginVolume> {
    const { Volume } = await this.#call("VolumeDriver.Get", { Name: name }, looking);
    return { mountpoint: Volume?.Mountpoint ?? "", status: Volume?.Status ?? undefined };
  }

  /** Whether it says that there is such a volume. */
  async has(name: string): Promise<boolean> {
    try {
      const { Volume } = await this.#call("VolumeDriver.Get", { Name: name }, looking);
      return Volume !== undefined && Volume !== null;
    } catch {
      // It says so by an error; if it is unwell, the next question shows it.
      return false;
    }
  }

  async #call<T>(method: string, body: object, decode: Decoder<T>): Promise<T> {
    const address = this.#address;
    const base = "unix" in address ? "http://plugin" : address.url;
    let answer: string;
    let status: number;
    const ending = new AbortController();
    using _limit = after(limitMs, () => ending.abort(new Error(`no answer in ${limitMs / 1000} s`)));
    try {
      const response = await fetch(`${base}/${method}`, {
        method: "POST",
        headers: {
          Accept: "application/vnd.docker.plugins.v1.2+json",
          "Content-Type": "application/vnd.docker.plugins.v1.2+json",
        },
        body: JSON.stringify(body),
        redirect: "error",
        signal: ending.signal,
        ...("unix" in address && { unix: address.unix }),
      });
      ({ status } = response);
      answer = await limitedText(response);
    } catch (thrown) {
      throw this.#failure(method, messageOf(thrown), thrown);
    }
    let value: unknown;
    try {
      value = answer.trim() === "" ? {} : JSON.parse(answer);
      const { Err } = outcome(value, method);
      if (Err !== undefined && Err !== null && Err !== "") throw new Error(Err);
      if (status !== 200) throw new Error(`it answers with the status ${status}`);
      return decode(value, method);
    } catch (thrown) {
      throw this.#failure(method, messageOf(thrown), thrown);
    }
  }

  #failure(method: string, why: string, cause?: unknown): TiffinError {
    return new TiffinError("unavailable", "volume.plugin", `volume driver ${this.#name}: ${method}: ${why}`, {
      cause,
    });
  }
}

async function limitedText(response: Response): Promise<string> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  for await (const piece of response.body ?? []) {
    bytes += piece.length;
    if (bytes > limitAnswerBytes) throw new Error(`its answer has more than ${limitAnswerBytes} bytes`);
    pieces.push(piece);
  }
  return Buffer.concat(pieces).toString();
}
