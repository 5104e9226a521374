/** What clients do with volumes: make, list, look at, remove and prune them. */

import {
  invalidFilter,
  invalidVolumeName,
  noSuchVolume,
  volumeInUse,
  volumeOfAnotherDriver,
} from "../../docker/messages.ts";
import { regularExpression } from "../../docker/regular-expression.ts";
import type {
  VolumeCreateBody,
  VolumeDocument,
  VolumeList,
  VolumePruneReport,
} from "../../docker/types/volume.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { randomHex } from "../../lib/ids.ts";
import { own } from "../../lib/own.ts";
import type { EventBus } from "../event/mod.ts";
import { hasLabel } from "../labels.ts";
import { checkLocalOptions } from "./local-options.ts";
import { isVolumeName, localDriver, type Volume, type VolumeStore } from "./volume-store.ts";

const anonymousDigits = 64;
/** How Docker marks what it has named itself. */
const anonymousLabel = "com.docker.volume.anonymous";
const truths = ["1", "true"];
const falsehoods = ["0", "false"];

export interface VolumeContext {
  readonly volumes: VolumeStore;
  readonly events: EventBus;
  readonly report: (thrown: unknown) => void;
  /** Ids of the containers that mount it. */
  readonly usersOf: (name: string) => readonly string[];
}

type Filters = Readonly<Record<string, readonly string[]>>;
type Test = (volume: Volume, value: string) => boolean;

export class VolumeService {
  readonly #context: VolumeContext;

  constructor(context: VolumeContext) {
    this.#context = context;
  }

  /** One that is there already is given back as it is. Errors: `volume.name`, `volume.driver`, `volume.options`. */
  async create(body: VolumeCreateBody): Promise<VolumeDocument> {
    const { volumes, events } = this.#context;
    const given = body.Name ?? "";
    if (given !== "" && !isVolumeName(given)) {
      throw new TiffinError("invalid", "volume.name", invalidVolumeName(given));
    }
    const driver = body.Driver || localDriver;
    const options = body.DriverOpts ?? {};
    const anonymous = given === "";
    const name = anonymous ? randomHex(anonymousDigits) : given;
    const before = volumes.find(name);
    await this.#findDriver(name, driver);
    if (before !== undefined) {
      if (before.driver === driver) return documentOf(before);
      throw new TiffinError("conflict", "volume.driver", volumeOfAnotherDriver(name));
    }
    if (driver === localDriver) checkLocalOptions(name, options);
    const labels = { ...body.Labels, ...(anonymous && { [anonymousLabel]: "" }) };
    const made = await volumes.ensure(name, { anonymous: false, durable: true, labels, driver, options });
    events.emit("volume", "create", name, { driver });
    return documentOf(made);
  }

  async list(filters: Filters): Promise<VolumeList> {
    const wanted = this.#test(filters, ["dangling", "driver", "label", "label!", "name"]);
    const all = this.#context.volumes.all().filter(wanted);
    return { Volumes: all.map(documentOf), Warnings: null };
  }

  async inspect(name: string): Promise<VolumeDocument> {
    const volume = this.#find(name);
    const document = documentOf(volume);
    if (volume.driver === localDriver) return document;
    const plugin = await this.#context.volumes.plugins.find(volume.driver);
    const { mountpoint, status } = await plugin.look(name);
    return { ...document, Mountpoint: mountpoint, ...(status !== undefined && { Status: status }) };
  }

  /** Errors: `notFound`, unless `force`; `conflict` while containers mount it. */
  async remove(name: string, { force }: { readonly force: boolean }): Promise<void> {
    if (force && this.#context.volumes.find(name) === undefined) return;
    const volume = this.#find(name);
    const users = this.#context.usersOf(name);
    if (users.length > 0) throw new TiffinError("conflict", "volume.in-use", volumeInUse(name, users));
    await this.#takeAway(volume, force);
  }

  /** What no container mounts: anonymous ones, and with the filter `all` the named ones too. */
  async prune(filters: Filters): Promise<VolumePruneReport> {
    const { all = [], ...others } = filters;
    const named = booleanOf("all", all) ?? false;
    const wanted = this.#test(others, ["label", "label!"]);
    const unused = this.#context.volumes
      .all()
      .filter((volume) => named || isAnonymous(volume))
      .filter((volume) => wanted(volume) && this.#context.usersOf(volume.name).length === 0);
    let reclaimed = 0;
    const deleted: string[] = [];
    for (const volume of unused) {
      const bytes = await this.#context.volumes.bytesOf(volume.name);
      // Looked at again: a container may have come meanwhile.
      if (this.#context.usersOf(volume.name).length > 0) continue;
      try {
        await this.#takeAway(volume, false);
      } catch (thrown) {
        this.#context.report(thrown);
        continue;
      }
      reclaimed += bytes;
      deleted.push(volume.name);
    }
    this.#context.events.emit("volume", "prune", "", { reclaimed: String(reclaimed) });
    return { VolumesDeleted: deleted, SpaceReclaimed: reclaimed };
  }

  async #takeAway({ name, driver }: Volume, force: boolean): Promise<void> {
    await this.#context.volumes.removeWithDriver(name, force);
    this.#context.events.emit("volume", "destroy", name, { driver });
  }

  async #findDriver(name: string, driver: string): Promise<void> {
    if (driver === localDriver) return;
    try {
      await this.#context.volumes.plugins.find(driver);
    } catch (thrown) {
      if (!(thrown instanceof TiffinError)) throw thrown;
      const { kind, code, remedy } = thrown;
      throw new TiffinError(kind, code, `create ${name}: ${thrown.message}`, {
        cause: thrown,
        ...(remedy !== undefined && { remedy }),
      });
    }
  }

  #find(name: string): Volume {
    const found = this.#context.volumes.find(name);
    if (found !== undefined) return found;
    throw new TiffinError("notFound", "volume.not-found", noSuchVolume(name));
  }

  #test(filters: Filters, known: readonly string[]): (volume: Volume) => boolean {
    const unknown = Object.keys(filters).find((key) => !known.includes(key));
    if (unknown !== undefined) throw refusal(invalidFilter(unknown));
    const dangling = booleanOf("dangling", filters["dangling"] ?? []);
    const anyOf = (key: string, test: Test) => {
      const values = own(filters, key) ?? [];
      return (volume: Volume): boolean => values.length === 0 || values.some((value) => test(volume, value));
    };
    const all = [
      anyOf("driver", ({ driver }, value) => value === driver),
      named(own(filters, "name") ?? []),
      (volume: Volume) => (filters["label"] ?? []).every((value) => hasLabel(volume.labels, value)),
      (volume: Volume) => !(filters["label!"] ?? []).some((value) => hasLabel(volume.labels, value)),
      ({ name }: Volume) => dangling === undefined || (this.#context.usersOf(name).length === 0) === dangling,
    ];
    return (volume) => all.every((test) => test(volume));
  }
}

/** Docker finds volumes by expressions too. */
function named(values: readonly string[]): (volume: Volume) => boolean {
  const patterns = values.map((value) => {
    try {
      return regularExpression(value);
    } catch (thrown) {
      throw refusal(`${invalidFilter(`name=${value}`)}: ${messageOf(thrown)}`);
    }
  });
  return ({ name }) => patterns.length === 0 || patterns.some((pattern) => pattern(name));
}

function refusal(message: string): TiffinError {
  return new TiffinError("invalid", "volume.filter", message);
}

function isAnonymous({ anonymous, labels }: Volume): boolean {
  return anonymous || Object.hasOwn(labels, anonymousLabel);
}

/** Undefined when nothing is said. */
function booleanOf(key: string, values: readonly string[]): boolean | undefined {
  if (values.length === 0) return undefined;
  if (values.every((value) => truths.includes(value))) return true;
  if (values.every((value) => falsehoods.includes(value))) return false;
  throw refusal(invalidFilter(`${key}=[${values.join(" ")}]`));
}

function documentOf({
  name,
  directory,
  labels,
  createdMs,
  anonymous,
  driver,
  options,
}: Volume): VolumeDocument {
  const marked = anonymous ? { ...labels, [anonymousLabel]: "" } : labels;
  const shown = Object.keys(marked).length === 0 ? null : marked;
  return {
    CreatedAt: new Date(createdMs).toISOString().replace(/\.\d+Z$/, "Z"),
    Driver: driver,
    Labels: shown,
    Mountpoint: driver === localDriver ? directory : "",
    Name: name,
    Options: Object.keys(options).length === 0 ? null : options,
    Scope: "local",
  };
}
