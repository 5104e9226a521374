/**
 * All containers of this engine: found by id, prefix or name, and changed only together with their row in the
 * database. A name belongs to at most one container, from its reservation on.
 */
import { ambiguousPrefix, nameTaken, noNameSupplied, noSuchContainer } from "../../../docker/messages.ts";
import { messageOf, TiffinError } from "../../../lib/errors.ts";
import { directWrites, type Writes } from "../../store/mod.ts";
import type { WantedEndpoint } from "../specification/mod.ts";
import type { ContainerDocument } from "./document.ts";
import type { Container } from "./model.ts";
import { decodeContainerName } from "./names.ts";
import type { ContainerRepository, ContainerRow } from "./repository.ts";
import { type ContainerState, type Ending, isAlive, type NetworkHold, transition } from "./state.ts";

const shortIdDigits = 12;

export interface RegistryOptions {
  readonly writes?: Writes;
  /** Hears of each container whose row is new or other than before. */
  readonly changed?: (container: Container) => void;
  /** Hears of each container whose row is gone. */
  readonly dropped?: (container: Container) => void;
  /** Hears of rows that cannot be understood. */
  readonly report?: (thrown: unknown) => void;
}

export interface Unreadable {
  readonly id: string;
  readonly name: string;
}

export class ContainerRegistry {
  readonly #repository: ContainerRepository;
  readonly #writes: Writes;
  readonly #changed: (container: Container) => void;
  readonly #dropped: (container: Container) => void;
  readonly #byId = new Map<string, Container>();
  readonly #byName = new Map<string, string>();
  /** Names of those whose rows cannot be understood, by id: they can be removed and nothing else. */
  readonly #unreadable = new Map<string, string>();

  constructor(repository: ContainerRepository, { writes, changed, dropped, report }: RegistryOptions = {}) {
    this.#repository = repository;
    this.#writes = writes ?? directWrites;
    this.#changed = changed ?? (() => {});
    this.#dropped = dropped ?? (() => {});
    const rows = repository.all(({ id, name, reason }) => {
      // Its name stays its own: its row and its files are still there.
      this.#byName.set(name, id);
      this.#unreadable.set(id, name);
      report?.(
        new Error(
          `the row of container ${name} (${id}) cannot be understood and is left as it is: ${messageOf(reason)}`,
        ),
      );
    });
    for (const row of rows) this.#remember(row);
  }

  /** In order of creation. */
  all(): IterableIterator<Container> {
    return this.#byId.values();
  }

  get size(): number {
    return this.#byId.size;
  }

  byId(id: string): Container | undefined {
    return this.#byId.get(id);
  }

  nameIsTaken(name: string): boolean {
    return this.#byName.has(name);
  }

  /** The container that a client means by a full id, a name (with or without slash) or an unambiguous prefix. */
  resolve(reference: string): Container {
    const exact = this.#byId.get(reference) ?? this.#byId.get(this.#byName.get(bareName(reference)) ?? "");
    if (exact !== undefined) return exact;
    if (reference === "") throw new TiffinError("invalid", "container.name-empty", noNameSupplied());
    let found: Container | undefined;
    if (/^[0-9a-f]{1,64}$/.test(reference)) {
      for (const [id, container] of this.#byId) {
        if (!id.startsWith(reference)) continue;
        if (found !== undefined) {
          throw new TiffinError("invalid", "container.ambiguous", ambiguousPrefix(reference));
        }
        found = container;
      }
    }
    if (found !== undefined) return found;
    const unreadable = this.unreadable(reference);
    if (unreadable !== undefined) {
      throw new TiffinError(
        "conflict",
        "container.unreadable",
        `the row of container ${unreadable.name} cannot be understood by this engine, so it can only be removed`,
      );
    }
    throw new TiffinError("notFound", "container.not-found", noSuchContainer(reference));
  }

  /** The id of the one that `reference` means; undefined when there is none, or no single one. */
  idOf(reference: string): string | undefined {
    try {
      return this.resolve(reference).id;
    } catch {
      return undefined;
    }
  }

  /** One whose row cannot be understood, by its whole id or its name. */
  unreadable(reference: string): Unreadable | undefined {
    const id = this.#unreadable.has(reference) ? reference : this.#byName.get(bareName(reference));
    const name = this.#unreadable.get(id ?? "");
    return id === undefined || name === undefined ? undefined : { id, name };
  }

  /** Forgets one whose things are gone. */
  dropUnreadable({ id, name }: Unreadable): void {
    this.#writes.settle(subjectOf(id), () => this.#repository.remove(id));
    this.#unreadable.delete(id);
    if (this.#byName.get(name) === id) this.#byName.delete(name);
  }

  /** Takes a name for a container that is being made; the result gives it back unless `add` came first. */
  reserve(name: string, id: string): Disposable {
    this.refuseTaken(name);
    this.#byName.set(name, id);
    return {
      [Symbol.dispose]: () => {
        if (this.#byName.get(name) === id && !this.#byId.has(id)) this.#byName.delete(name);
      },
    };
  }

  refuseTaken(name: string): void {
    const holder = this.#byName.get(name);
    if (holder === undefined) return;
    throw new TiffinError("conflict", "container.name-taken", nameTaken(name, holder));
  }

  add(id: string, name: string, createdMs: number, document: ContainerDocument): Container {
    const row: ContainerRow = { id, name, createdMs, document, state: { status: "created" }, restarts: 0 };
    this.#writes.write(subjectOf(id), () => this.#repository.insert(row));
    return this.#remember(row);
  }

  /** Takes over a row that the database does not have; under another name where its own has gone to somebody else. */
  adopt(row: ContainerRow): Container {
    const holder = this.#byName.get(row.name);
    const taken = holder !== undefined && holder !== row.id;
    const adopted = taken ? { ...row, name: `${row.name}-${row.id.slice(0, shortIdDigits)}` } : row;
    this.#writes.write(subjectOf(row.id), () => this.#repository.insert(adopted));
    this.#unreadable.delete(row.id);
    return this.#remember(adopted);
  }

  /**
   * Changes the state as the table allows, on disk first. A start that cannot be written down is refused; whatever else
   * has happened already, and is stored as soon as it can be.
   */
  setState(container: Container, to: ContainerState): void {
    this.#save(container, transition(container.id, container.state, to));
  }

  /** Replaces a state that the host has shown to be wrong. */
  correct(container: Container, state: ContainerState): void {
    this.#save(container, state);
  }

  /** A running container has gained or lost endpoints. */
  setHold(container: Container, { endpoints, ports }: NetworkHold): void {
    if (isAlive(container.state)) this.#save(container, { ...container.state, endpoints, ports });
  }

  /** Changes the networks that the container is to be in, on disk first. */
  setNetworks(container: Container, endpoints: readonly WantedEndpoint[]): void {
    const { specification } = container.document;
    if (specification.network.kind !== "networks") return;
    const network = { ...specification.network, endpoints };
    const document = { ...container.document, specification: { ...specification, network } };
    this.setDocument(container, document, "networks");
  }

  /** Replaces what the container is to be, on disk first. `part`: what is other than before. */
  setDocument(container: Container, document: ContainerDocument, part: string): void {
    this.#writes.write(`the ${part} of ${subjectOf(container.id)}`, () =>
      this.#repository.saveDocument(container.id, document),
    );
    container.document = document;
    this.#changed(container);
  }

  #save(container: Container, next: ContainerState): void {
    const { id } = container;
    const { restarts } = container;
    const save = (): void => this.#repository.saveState(id, next, restarts);
    if (next.status === "starting") this.#writes.write(subjectOf(id), save);
    else this.#writes.settle(subjectOf(id), save);
    container.state = next;
    this.#changed(container);
  }

  /** Like `setState`, in memory only: for a state that the next step replaces by the removal of the row. */
  assume(container: Container, to: ContainerState): void {
    container.state = transition(container.id, container.state, to);
  }

  /** Notes whether a client has asked for the end of the run that there is. */
  noteStopping(container: Container, stopping = true): void {
    const { state, document } = container;
    if (!isAlive(state) || (state.stopping ?? false) === stopping) return;
    const noted = { ...state, stopping };
    // One that goes away with its end has no policy to be told.
    if (document.specification.removeWhenEnded) container.state = noted;
    else this.#save(container, noted);
  }

  /** The run is to end because of what the checks of its health say. */
  noteUnhealthy(container: Container): void {
    const { state } = container;
    if (isAlive(state) && state.unhealthy !== true) this.#save(container, { ...state, unhealthy: true });
  }

  /** Notes how the last start of a container that never ran came to nothing. */
  amendCreated(container: Container, failure: Ending): void {
    this.#save(container, { status: "created", failure });
  }

  rename(container: Container, newName: string): void {
    const name = decodeContainerName(newName, "Error when allocating new name: ", "/");
    this.refuseTaken(name);
    this.#writes.write(`the name of ${subjectOf(container.id)}`, () =>
      this.#repository.saveName(container.id, name),
    );
    this.#byName.delete(container.name);
    this.#byName.set(name, container.id);
    container.name = name;
    this.#changed(container);
  }

  /** Forgets a container whose things are gone. */
  drop(container: Container): void {
    this.#writes.settle(subjectOf(container.id), () => this.#repository.remove(container.id));
    this.#byId.delete(container.id);
    if (this.#byName.get(container.name) === container.id) this.#byName.delete(container.name);
    this.#dropped(container);
  }

  #remember(row: ContainerRow): Container {
    const container = containerOfRow(row);
    this.#byId.set(row.id, container);
    this.#byName.set(row.name, row.id);
    return container;
  }
}

function subjectOf(id: string): string {
  return `container ${id}`;
}

function bareName(reference: string): string {
  return reference.startsWith("/") ? reference.slice(1) : reference;
}

/** As it is in memory before anything of it runs. */
export function containerOfRow(row: ContainerRow): Container {
  return {
    ...row,
    process: undefined,
    phases: undefined,
    startTimes: undefined,
    failedStart: undefined,
    startWarnings: [],
    returning: false,
    pending: [],
    size: undefined,
    restartPauseMs: 0,
    queue: Promise.resolve(),
    outputs: new Set(),
    exits: new Set(),
    removals: new Set(),
    readers: new Set(),
    execs: new Set(),
    health: undefined,
  };
}
