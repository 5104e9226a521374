/**
 * A Docker engine for one test, where `dockerd` is installed: its own directories, socket and cgroup, no bridge and no
 * firewall, so that it meets no other. What it answers is what a test expects of ours.
 */
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmdirSync, rmSync } from "node:fs";
import { makeBusyboxRoot } from "./busybox-root.ts";
import { request } from "./engine-harness.ts";
import { LoopbackRelay } from "./loopback-relay.ts";
import { TestCgroup } from "./test-cgroup.ts";
import { until } from "./until.ts";

const program = ["/usr/sbin/dockerd", "/usr/bin/dockerd", "/usr/local/bin/dockerd"].find((path) =>
  existsSync(path),
);

export const hasDockerd = program !== undefined;

/**
 * Whether one may work in the network where this test is: told to make no bridge, it deletes the `docker0` that it finds, and with
 * it the network of the engine that this machine has.
 */
export const mayShareNetwork = hasDockerd && !/^ *docker0:/m.test(readFileSync("/proc/self/net/dev", "utf8"));

export interface OwnDockerdOptions {
  /** It does to the network what Docker does: for a namespace of the test's own. */
  readonly firewall?: boolean;
  /** It works in the caller's network and not in one of its own. */
  readonly sharesNetwork?: boolean;
}

/** Before a command that is to have a network of its own, with loopback. */
const alone = ["unshare", "--net", "sh", "-ec", 'ip link set lo up; exec "$@"', "sh"];

export class OwnDockerd {
  readonly #directory = mkdtempSync("/tmp/tiffin-test-dockerd-");
  readonly socket = `${this.#directory}/sock`;
  readonly #cgroup = new TestCgroup();
  readonly #relays: LoopbackRelay[] = [];
  #daemon: Bun.Subprocess | undefined;
  readonly #parent = this.#directory.slice("/tmp/".length);

  /** Starts it, with the image `base`. */
  static async start(options: OwnDockerdOptions = {}): Promise<OwnDockerd> {
    const own = new OwnDockerd();
    try {
      await own.#start(options);
    } catch (thrown) {
      await own[Symbol.asyncDispose]();
      throw thrown;
    }
    return own;
  }

  async #start({ firewall = false, sharesNetwork = firewall }: OwnDockerdOptions): Promise<void> {
    if (sharesNetwork && !mayShareNetwork)
      throw new Error("dockerd would delete the bridge docker0, which is another engine's");
    const log = `${this.#directory}/log`;
    const directories = ["--data-root", `${this.#directory}/data`, "--exec-root", `${this.#directory}/exec`];
    const untouched = ["--iptables=false", "--ip-forward=false", "--ip-masq=false"];
    const network = ["--bridge", "none", ...(firewall ? [] : untouched)];
    const place = ["--host", `unix://${this.socket}`, "--pidfile", `${this.#directory}/pid`];
    this.#daemon = Bun.spawn(
      this.#cgroup.wrap([
        ...(sharesNetwork ? [] : alone),
        program ?? "",
        ...directories,
        ...network,
        ...place,
        "--cgroup-parent",
        this.#parent,
      ]),
      { stdin: "ignore", stdout: Bun.file(log), stderr: Bun.file(log) },
    );
    await until("dockerd to answer", async () => {
      if (this.#daemon?.exitCode !== null)
        throw new Error(`dockerd did not start:\n${readFileSync(log, "utf8")}`);
      return existsSync(this.socket) && (await this.#ping());
    });
    mkdirSync(`${this.#directory}/root`);
    const root = makeBusyboxRoot(`${this.#directory}/root`);
    const tar = Bun.spawn(["tar", "-C", root, "-c", "."], { stdout: "pipe" });
    const imported = await fetch("http://localhost/images/create?fromSrc=-&repo=base&tag=latest", {
      method: "POST",
      unix: this.socket,
      body: await new Response(tar.stdout).blob(),
    });
    if (imported.status !== 200) throw new Error(`docker import: ${await imported.text()}`);
    await imported.text();
  }

  /** Makes it reach what listens at `port` of this network's loopback, under the same address. */
  async reach(port: number): Promise<void> {
    const path = `${this.#directory}/relay-${port}`;
    this.#relays.push(await LoopbackRelay.start(path, port, this.#daemon?.pid ?? 0));
  }

  async #ping(): Promise<boolean> {
    try {
      return (await request(this.socket, "GET", "/_ping")).status === 200;
    } catch {
      return false;
    }
  }

  /** Its containers must be gone. */
  async [Symbol.asyncDispose](): Promise<void> {
    for (const relay of this.#relays) await relay[Symbol.asyncDispose]();
    this.#daemon?.kill("SIGTERM");
    await this.#daemon?.exited;
    await this.#cgroup.dispose();
    const hierarchies = [...new Set(["", ...cgroupMounts()])];
    for (const mount of hierarchies) {
      const group = `${mount}/${this.#parent}`;
      // Its BuildKit has a group in it.
      for (const each of [`${group}/buildkit`, group]) if (mount !== "" && existsSync(each)) rmdirSync(each);
    }
    // A container in the network of the host leaves its namespace mounted.
    const namespace = `${this.#directory}/exec/netns/default`;
    if (existsSync(namespace)) Bun.spawnSync(["umount", namespace]);
    rmSync(this.#directory, { recursive: true, force: true });
  }
}

function cgroupMounts(): string[] {
  const lines = readFileSync("/proc/self/mounts", "utf8").split("\n");
  return lines.flatMap((line) => {
    const [, path = "", type = ""] = line.split(" ");
    return type.startsWith("cgroup") ? [path] : [];
  });
}
