/** AppArmor: profiles of the configuration and of exec take effect. On the machines of test/vm, whose kernels have it. */
import { afterAll, beforeAll, expect } from "bun:test";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { groupsNamed, shell } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const switchFile = "/sys/module/apparmor/parameters/enabled";
const isOn = existsSync(switchFile) && readFileSync(switchFile, "utf8").startsWith("Y");
const options = {
  isProvenHere: true,
  impossible:
    isOn && Bun.which("apparmor_parser") !== null ? undefined : "the kernel has no AppArmor, or it is off",
} as const;

/** `secret` cannot be read under the first, and can under the second. */
const profiles = `
profile tiffin-test-strict flags=(attach_disconnected) {
  file, capability, network, signal, ptrace, mount, umount, pivot_root, unix,
  deny /secret r,
}
profile tiffin-test-open flags=(attach_disconnected) {
  file, capability, network, signal, ptrace, mount, umount, pivot_root, unix,
}
`;

function parse(flag: "--replace" | "--remove"): void {
  const { exitCode, stderr } = Bun.spawnSync(["apparmor_parser", "-K", flag], {
    stdin: Buffer.from(profiles),
  });
  if (exitCode !== 0) throw new Error(`apparmor_parser: ${stderr.toString()}`);
}

beforeAll(() => {
  if (options.impossible === undefined) parse("--replace");
});
afterAll(() => {
  if (options.impossible === undefined) parse("--remove");
});

const look = "cat /proc/self/attr/current; cat /secret 2>&1 | grep -o 'content\\|denied'";

eachRuntime(
  "the program runs under the profile of the configuration, an exec under the same or its own",
  async (bundle) => {
    writeFileSync(join(bundle.rootfs, "secret"), "content");
    expect((await bundle.run(shell(look))).stdout).toBe("unconfined\ncontent\n");
    const spec = shell(`${look}; exec sleep 1000`, {
      apparmorProfile: "tiffin-test-strict",
      noNewPrivileges: true,
    });
    await bundle.create(spec);
    expect((await bundle.start()).code).toBe(0);
    await until("its output", () => bundle.output().includes("denied"));
    expect(bundle.output()).toBe("tiffin-test-strict (enforce)\ndenied\n");
    const exec = async (...flags: readonly string[]): Promise<string> =>
      (await bundle.call("exec", ...flags, bundle.id, "/bin/busybox", "sh", "-c", look)).stdout;
    expect(await exec()).toBe("tiffin-test-strict (enforce)\ndenied\n");
    expect(await exec("--apparmor", "tiffin-test-open")).toBe("tiffin-test-open (enforce)\ncontent\n");
    // A document that names none is under the container's too.
    const file = join(bundle.directory, "process.json");
    const process = { user: { uid: 0, gid: 0 }, cwd: "/", args: ["/bin/busybox", "sh", "-c", look] };
    writeFileSync(file, JSON.stringify(process));
    expect(await exec("--process", file)).toBe("tiffin-test-strict (enforce)\ndenied\n");
    if (!bundle.runtime.endsWith("crun")) {
      expect(await exec("--apparmor", "")).toBe("tiffin-test-strict (enforce)\ndenied\n");
    }
    const unknown = await bundle.call("exec", "--apparmor", "tiffin-test-none", bundle.id, "/bin/true");
    expect(unknown.code).not.toBe(0);
  },
  options,
);

eachRuntime(
  "a profile that is not loaded is refused, and nothing is left",
  async (bundle) => {
    const { code, stderr } = await bundle.create(shell("true", { apparmorProfile: "tiffin-test-none" }));
    expect(code).toBe(1);
    expect(stderr).toContain(bundle.runtime.endsWith("crun") ? "attr/exec" : "pparmor");
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
    expect(groupsNamed(bundle.id)).toEqual([]);
  },
  options,
);
