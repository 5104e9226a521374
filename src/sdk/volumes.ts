/** Volumes of an engine. */
import type { VolumeDocument, VolumePruneReport } from "../docker/types/volume.ts";
import { TiffinError } from "../lib/errors.ts";
import type { Cancellable, EngineContext, Filters } from "./context.ts";

export interface VolumeOptions extends Cancellable {
  /** Anonymous without it. */
  readonly name?: string;
  readonly driver?: string;
  readonly driverOptions?: Readonly<Record<string, string>>;
  readonly labels?: Readonly<Record<string, string>>;
}

export class Volume {
  readonly name: string;
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext, name: string) {
    this.#context = context;
    this.name = name;
  }

  async inspect({ signal }: Cancellable = {}): Promise<VolumeDocument> {
    return await this.#context.api.document("volumeInspect", { params: { name: this.name }, signal });
  }

  async remove({ force, signal }: Cancellable & { readonly force?: boolean } = {}): Promise<void> {
    const query = { ...(force !== undefined && { force }) };
    await this.#context.api.perform("volumeRemove", { params: { name: this.name }, query, signal });
  }
}

/** A volume that this program has made: `await using` removes it. */
export class OwnVolume extends Volume implements AsyncDisposable {
  async [Symbol.asyncDispose](): Promise<void> {
    await unlessGone(this.remove());
  }
}

/** What has gone by itself needs no removal. */
export async function unlessGone(removal: Promise<void>): Promise<void> {
  try {
    await removal;
  } catch (thrown) {
    if (!(thrown instanceof TiffinError && thrown.kind === "notFound")) throw thrown;
  }
}

export class Volumes {
  readonly #context: EngineContext;

  /** @internal */
  constructor(context: EngineContext) {
    this.#context = context;
  }

  /** By name; nothing is asked. */
  get(name: string): Volume {
    return new Volume(this.#context, name);
  }

  async create({ name, driver, driverOptions, labels, signal }: VolumeOptions = {}): Promise<OwnVolume> {
    const body = {
      ...(name !== undefined && { Name: name }),
      ...(driver !== undefined && { Driver: driver }),
      ...(driverOptions !== undefined && { DriverOpts: driverOptions }),
      ...(labels !== undefined && { Labels: labels }),
    };
    const { Name: made } = await this.#context.api.document("volumeCreate", { body, signal });
    return new OwnVolume(this.#context, made);
  }

  async list({
    filters,
    signal,
  }: Cancellable & { readonly filters?: Filters } = {}): Promise<readonly VolumeDocument[]> {
    const query = { ...(filters !== undefined && { filters }) };
    return (await this.#context.api.document("volumeList", { query, signal })).Volumes;
  }

  /** Removes those that no container has. */
  async prune({
    filters,
    signal,
  }: Cancellable & { readonly filters?: Filters } = {}): Promise<VolumePruneReport> {
    const query = { ...(filters !== undefined && { filters }) };
    return await this.#context.api.document("volumePrune", { query, signal });
  }
}
