/** The systemd that makes groups for us: the machine's for root, the user's own for others. */
import { DbusConnection, DbusError } from "../../kernel/dbus-connection.ts";
import { exists } from "../../kernel/files.ts";
import { SyscallError } from "../../kernel/syscall.ts";
import { messageOf, TiffinError } from "../../lib/errors.ts";
import { socketPathsOf } from "../../linux/dbus/address.ts";
import type { DbusCall } from "../../linux/dbus/message.ts";
import type { DbusValue } from "../../linux/dbus/value.ts";
import type { IdentityFacts } from "../../linux/host-facts.ts";
import type { UnitProperty } from "../../linux/systemd/property.ts";
import type { ManagerSocket } from "../groups/mod.ts";

/** Of whoever asks for the group: it says where systemd is reached. */
export type Environment = Readonly<Record<string, string | undefined>>;

const destination = "org.freedesktop.systemd1";
const path = "/org/freedesktop/systemd1";
const manager = `${destination}.Manager`;
const jobLimitMs = 30_000;

export function isUserManager(identity: IdentityFacts): boolean {
  return identity.uid !== 0 || identity.inUserNamespace;
}

/** Where to look, in this order. */
export function managerSockets(env: Environment, identity: IdentityFacts): ManagerSocket[] {
  const buses = (paths: readonly string[]): ManagerSocket[] =>
    paths.map((each) => ({ path: each, isBus: true }));
  if (!isUserManager(identity)) {
    const told = socketPathsOf(env["DBUS_SYSTEM_BUS_ADDRESS"] ?? "");
    return [
      ...buses(told.length > 0 ? told : ["/run/dbus/system_bus_socket"]),
      { path: "/run/systemd/private", isBus: false },
    ];
  }
  const directory = env["XDG_RUNTIME_DIR"] || `/run/user/${identity.uid}`;
  return [
    ...buses([...socketPathsOf(env["DBUS_SESSION_BUS_ADDRESS"] ?? ""), `${directory}/bus`]),
    { path: `${directory}/systemd/private`, isBus: false },
  ];
}

/** sd_booted(3). Throws `unavailable` on a machine that another init has booted. */
export function requireSystemd(): void {
  if (exists("/run/systemd/system")) return;
  throw new TiffinError(
    "unavailable",
    "runtime.no-systemd",
    "no group can be had from systemd: systemd does not run on this machine (there is no /run/systemd/system)",
    { remedy: "use the cgroupfs driver, which needs no systemd (leave --systemd-cgroup out)" },
  );
}

export class SystemdManager implements Disposable {
  readonly #connection: DbusConnection;

  private constructor(connection: DbusConnection) {
    this.#connection = connection;
  }

  /** Connects to the first socket that systemd answers on. Throws `unavailable` with what each of them said. */
  static open(sockets: readonly ManagerSocket[]): SystemdManager {
    const failures: string[] = [];
    for (const socket of sockets) {
      try {
        const connection = DbusConnection.open(socket.path, socket.isBus);
        if (socket.isBus) {
          connection.subscribe(`type='signal',interface='${manager}',member='JobRemoved',path='${path}'`);
        }
        return new SystemdManager(connection);
      } catch (thrown) {
        if (!(thrown instanceof SyscallError || thrown instanceof TiffinError)) throw thrown;
        failures.push(thrown instanceof SyscallError ? `${socket.path}: ${thrown.code}` : messageOf(thrown));
      }
    }
    throw new TiffinError(
      "unavailable",
      "runtime.systemd-unreachable",
      `no group can be had from systemd: cannot reach systemd: ${failures.join(", ")}`,
      { remedy: "is D-Bus running? An ordinary user needs XDG_RUNTIME_DIR or DBUS_SESSION_BUS_ADDRESS" },
    );
  }

  /** Its version (252), and the group that all of its units are below. */
  facts(): { readonly version: number; readonly group: string } {
    const version = /\d+/.exec(this.#property("Version"))?.[0];
    return { version: Number(version ?? "0"), group: this.#property("ControlGroup").replace(/\/$/, "") };
  }

  /** `starting`, `running`, `degraded`, `stopping` ... as `systemctl is-system-running` says. */
  systemState(): string {
    return this.#property("SystemState");
  }

  /** Makes a scope of existing processes and waits until it is there. Throws `conflict`, `unavailable`. */
  start(unit: string, properties: readonly UnitProperty[]): void {
    const body: DbusValue[] = [unit, "replace", properties.map(({ name, value }) => [name, value]), []];
    const call = { member: "StartTransientUnit", signature: "ssa(sv)a(sa(sv))", body };
    const job = this.#try(`make ${unit}`, () => {
      try {
        return this.#call(call);
      } catch (thrown) {
        if (!isError(thrown, "UnitExists")) throw thrown;
        // What a failed one has left is forgotten on request; one that lives stays.
        this.resetFailed(unit);
        return this.#call(call);
      }
    });
    const result = this.#awaitJob(job[0], unit);
    if (result === "done") return;
    // Ours: systemd has accepted it.
    this.stop(unit);
    throw new TiffinError("unavailable", "runtime.systemd-job", `systemd did not make ${unit}: ${result}`);
  }

  /** Changes properties of a unit until the next boot. */
  set(unit: string, properties: readonly UnitProperty[]): void {
    const body: DbusValue[] = [unit, true, properties.map(({ name, value }) => [name, value])];
    this.#try(`change ${unit}`, () =>
      this.#call({ member: "SetUnitProperties", signature: "sba(sv)", body }),
    );
  }

  /** Stops a unit and forgets it. One that systemd has forgotten already is fine. */
  stop(unit: string): void {
    try {
      const [job] = this.#call({ member: "StopUnit", signature: "ss", body: [unit, "replace"] });
      this.#awaitJob(job, unit);
    } catch (thrown) {
      if (!isError(thrown, "NoSuchUnit")) throw this.#failure(`stop ${unit}`, thrown);
    }
    this.resetFailed(unit);
  }

  resetFailed(unit: string): void {
    try {
      this.#call({ member: "ResetFailedUnit", signature: "s", body: [unit] });
    } catch (thrown) {
      // Not loaded, or not failed.
      if (!(thrown instanceof DbusError)) throw thrown;
    }
  }

  [Symbol.dispose](): void {
    this.#connection[Symbol.dispose]();
  }

  #call(call: Pick<DbusCall, "member" | "signature" | "body">): readonly DbusValue[] {
    return this.#connection.call({ destination, path, interface: manager, ...call });
  }

  #property(name: string): string {
    const body = [manager, name];
    const [value] = this.#try(`read ${name}`, () =>
      this.#connection.call({
        destination,
        path,
        interface: "org.freedesktop.DBus.Properties",
        member: "Get",
        signature: "ss",
        body,
      }),
    );
    const inner = typeof value === "object" && "signature" in value ? value.value : "";
    return typeof inner === "string" ? inner : "";
  }

  /** `done`, `failed`, `timeout`, `canceled` ... */
  #awaitJob(job: DbusValue | undefined, unit: string): string {
    const { body } = this.#connection.signal(
      ({ member, body: values }) => member === "JobRemoved" && values[1] === job,
      jobLimitMs,
      `the job of ${unit}`,
    );
    return typeof body[3] === "string" ? body[3] : "unknown";
  }

  #try<T>(what: string, act: () => T): T {
    try {
      return act();
    } catch (thrown) {
      throw this.#failure(what, thrown);
    }
  }

  #failure(what: string, thrown: unknown): unknown {
    if (!(thrown instanceof DbusError)) return thrown;
    const kind = isError(thrown, "UnitExists") ? "conflict" : "unavailable";
    return new TiffinError(kind, "runtime.systemd-refused", `systemd refuses to ${what}: ${thrown.message}`);
  }
}

function isError(thrown: unknown, name: string): boolean {
  return thrown instanceof DbusError && thrown.name === `${destination}.${name}`;
}
