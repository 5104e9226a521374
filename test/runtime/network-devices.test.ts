/** `linux.netDevices`: which links move in, under which names, with what; and that a failure leaves them on the host. */
import { expect } from "bun:test";
import type { LinuxSpec, RuntimeSpec } from "../../src/oci/mod.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const except = { crun: "1.8 is older than this field", runc: "1.1 is older than this field" } as const;

function ip(...words: readonly string[]): { readonly code: number; readonly text: string } {
  const { exitCode, stdout } = Bun.spawnSync(["ip", ...words]);
  return { code: exitCode, text: stdout.toString() };
}

/** A pair of links that no other case has; both ends go with the first that does. */
class Links implements Disposable {
  readonly one: string;
  readonly two: string;

  constructor(bundle: Bundle) {
    const name = `tt${bundle.id.slice(-6)}`.toLowerCase().replaceAll(/[^a-z0-9]/g, "x");
    [this.one, this.two] = [name, `${name}p`];
    expect(ip("link", "add", this.one, "type", "veth", "peer", "name", this.two).code).toBe(0);
  }

  [Symbol.dispose](): void {
    ip("link", "delete", this.one);
    ip("link", "delete", this.two);
  }
}

function withDevices(spec: RuntimeSpec, netDevices: NonNullable<LinuxSpec["netDevices"]>): RuntimeSpec {
  return { ...spec, linux: { ...spec.linux, netDevices } };
}

eachRuntime(
  "links move in under their own or another name, are up, and keep MTU, hardware address and lasting addresses",
  async (bundle) => {
    using links = new Links(bundle);
    const { one, two } = links;
    ip("link", "set", one, "mtu", "1412", "address", "02:00:00:00:07:77");
    ip("address", "add", "192.0.2.7/24", "dev", one);
    ip("address", "add", "198.51.100.9/32", "dev", one, "scope", "link");
    ip("address", "add", "192.0.2.8/24", "dev", one, "valid_lft", "600", "preferred_lft", "600");
    ip("-6", "address", "add", "2001:db8::7/64", "dev", one, "nodad");
    const script = `ip addr show dev inside; ip link show dev ${two}`;
    const { stdout } = await bundle.run(withDevices(shell(script), { [one]: { name: "inside" }, [two]: {} }));
    expect(stdout).toContain("inet 192.0.2.7/24");
    expect(stdout).toContain("inet6 2001:db8::7/64");
    expect(stdout).not.toContain("198.51.100.9");
    expect(stdout).not.toContain("192.0.2.8");
    expect(stdout).toContain("mtu 1412");
    expect(stdout).toContain("02:00:00:00:07:77");
    expect(stdout.match(/[<,]UP[,>]/g)?.length).toBe(2);
  },
  { except },
);

eachRuntime(
  "a name that ends in %d is completed by the kernel",
  async (bundle) => {
    using links = new Links(bundle);
    const devices = { [links.one]: { name: "net%d" }, [links.two]: { name: "net%d" } };
    const { stdout } = await bundle.run(withDevices(specOf(["/bin/ls", "/sys/class/net"]), devices));
    expect(stdout.trim().split("\n").toSorted()).toEqual(["lo", "net0", "net1"]);
  },
  { except },
);

eachRuntime(
  "a link that is not there, or a name that is taken, is an error, and every link is still the host's as it was",
  async (bundle) => {
    using links = new Links(bundle);
    const { one, two } = links;
    ip("address", "add", "192.0.2.7/24", "dev", one);
    ip("-6", "address", "add", "2001:db8::7/64", "dev", one, "nodad");
    ip("link", "set", one, "up");
    const refused: readonly NonNullable<LinuxSpec["netDevices"]>[] = [
      { [one]: {}, nosuchlink: {} },
      { [one]: { name: "lo" } },
      { [one]: { name: "same" }, [two]: { name: "same" } },
    ];
    const failedLater = { createRuntime: [{ path: "/bin/false" }] };
    for (const netDevices of refused) {
      expect((await bundle.run(withDevices(shell("true"), netDevices))).code).toBe(1);
    }
    const spec = withDevices(shell("true"), { [one]: { name: "inside" }, [two]: {} });
    expect((await bundle.run({ ...spec, hooks: failedLater })).code).toBe(1);
    const left = ip("address", "show", "dev", one).text;
    for (const wanted of ["192.0.2.7/24", "2001:db8::7/64", ",UP"]) expect(left).toContain(wanted);
    expect(ip("link", "show", "dev", two).code).toBe(0);
  },
  { except },
);

eachRuntime(
  "when the container ends the kernel takes the links, the runtime does not",
  async (bundle) => {
    using links = new Links(bundle);
    await bundle.run(withDevices(shell("true"), { [links.one]: {} }));
    expect(ip("link", "show", "dev", links.one).code).not.toBe(0);
  },
  { except },
);
