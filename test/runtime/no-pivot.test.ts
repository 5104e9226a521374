/** `--no-pivot`: the old root stays in the namespace, and nothing of it may show through. */
import { expect } from "bun:test";
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { LinuxSpec, RuntimeSpec } from "../../src/oci/mod.ts";
import { HostMounts } from "../support/host-mount.ts";
import { type Bundle, shell } from "./bundle.ts";
import { eachOfOurs, eachRuntime } from "./runtimes.ts";

const masks = ["/proc/timer_list", "/proc/kcore", "/proc/keys"];
const capabilities = ["CAP_SETFCAP", "CAP_SYS_ADMIN", "CAP_SYS_CHROOT"];

function spec(script: string, linux: Partial<LinuxSpec> = {}): RuntimeSpec {
  const sets = { bounding: capabilities, effective: capabilities, permitted: capabilities };
  const whole = shell(script, { capabilities: sets });
  return { ...whole, linux: { ...whole.linux, maskedPaths: masks, ...linux } };
}

/** What mount says, and the exit code. */
const refused = /^mount: .*(denied|not permitted)[\s\S]*\n[1-9]\d*\n$/;
const bare = {
  proc: "mount -t proc none /proc && head -1 /proc/timer_list",
  sysfs: "mount -t sysfs none /sys && ls /sys/firmware",
} as const;

for (const [type, script] of Object.entries(bare)) {
  eachRuntime(
    `without pivot_root, a bare ${type} cannot be mounted in a new user namespace`,
    async (bundle) => {
      const nested = spec(`unshare -mrpfn sh -c "${script}" 2>&1; echo $?`);
      const masked = { ...nested, linux: { ...nested.linux, maskedPaths: [...masks, "/sys/firmware"] } };
      for (const flags of [[], ["--no-pivot"]]) {
        const ran = await bundle.run(masked, ...flags);
        expect(ran.code).toBe(0);
        expect(ran.stdout).toMatch(refused);
      }
    },
  );
}

async function ranNested(bundle: Bundle, linux: Partial<LinuxSpec>): Promise<string> {
  const ran = await bundle.run(spec(`unshare -mrpf sh -c "${bare.proc}" 2>&1; echo $?`, linux), "--no-pivot");
  expect(ran.code).toBe(0);
  return ran.stdout;
}

const ids = [{ containerID: 0, hostID: 0, size: 65536 }];
eachOfOurs("nor from a container that has a user namespace of its own", async (bundle) => {
  const whole = spec("true").linux;
  const namespaces = [...(whole?.namespaces ?? []), { type: "user" as const }];
  const said = await ranNested(bundle, { namespaces, uidMappings: ids, gidMappings: ids });
  expect(said).toMatch(refused);
});

eachOfOurs("nor with a proc of the host that another mount hides", async (bundle) => {
  const covered = join(bundle.directory, "covered");
  await using host = new HostMounts();
  for (const [point, type] of [
    ["a", "proc"],
    ["b/c", "proc"],
    ["b", "tmpfs"],
  ] as const) {
    mkdirSync(join(covered, point), { recursive: true });
    host.add(join(covered, point), "rw", type);
  }
  expect(await ranNested(bundle, {})).toMatch(refused);
  const namespaces = [...(spec("true").linux?.namespaces ?? []), { type: "user" as const }];
  bundle.configure(spec("true", { namespaces, uidMappings: ids, gidMappings: ids }));
  const ran = await bundle.call("run", "--no-pivot", bundle.id);
  expect(ran.code).toBe(1);
  expect(ran.stderr).toContain(`the proc at ${covered}/b/c of the host would show through`);
});

eachRuntime("without pivot_root the rest is as with it", async (bundle) => {
  const ran = await bundle.run(
    spec("ls /proc/self/ns >/dev/null && ls -d /bin /dev/null && cat /proc/1/comm; true"),
    "--no-pivot",
  );
  expect(ran).toMatchObject({ code: 0, stdout: "/bin\n/dev/null\nsh\n" });
});
