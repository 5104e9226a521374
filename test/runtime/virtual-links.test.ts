/** linux.netDevices with links of kinds that only some kernels have: 802.1Q, macvlan, ipvlan. On the machines of test/vm. */
import { expect } from "bun:test";
import { specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const isMachine = process.env["TIFFIN_VM"] === "1";

const kinds = [
  ["802.1Q", ["type", "vlan", "id", "5"], "802.1Q id 5"],
  ["macvlan", ["type", "macvlan", "mode", "bridge"], "macvlan mode bridge"],
  ["ipvlan", ["type", "ipvlan", "mode", "l2"], "ipvlan  mode l2"],
] as const;

function ip(...words: readonly string[]): string {
  const { exitCode, stdout, stderr } = Bun.spawnSync(["ip", ...words]);
  if (exitCode !== 0) throw new Error(`ip ${words.join(" ")}: ${stderr.toString()}`);
  return stdout.toString();
}

for (const [kind, words, shown] of kinds) {
  eachRuntime(
    `a link of kind ${kind} moves in with its address and stays on its parent`,
    async (bundle) => {
      const tag = bundle.id
        .slice(-6)
        .toLowerCase()
        .replaceAll(/[^a-z0-9]/g, "x");
      const [parent, child] = [`tp${tag}`, `tc${tag}`];
      ip("link", "add", parent, "type", "dummy");
      try {
        ip("link", "set", parent, "up");
        ip("link", "add", "link", parent, "name", child, ...words);
        ip("address", "add", "192.0.2.9/24", "dev", child);
        const spec = specOf(["/bin/sleep", "1000"]);
        const linux = { ...spec.linux, netDevices: { [child]: { name: "inside" } } };
        const { code, stderr } = await bundle.create({ ...spec, linux });
        expect({ code, stderr }).toEqual({ code: 0, stderr: "" });
        const pid = String((await bundle.state())["pid"]);
        // Looked at from the host: the container's root has no program that knows the kinds.
        const seen = Bun.spawnSync([
          "nsenter",
          "-t",
          pid,
          "-n",
          "--",
          // By path: the nsenter of busybox would run its own.
          Bun.which("ip") ?? "ip",
          "-d",
          "address",
          "show",
          "dev",
          "inside",
        ]);
        const text = `${seen.stdout.toString()}${seen.stderr.toString()}`;
        expect(text).toContain("inet 192.0.2.9/24");
        expect(text).toContain(shown);
        expect(text).toContain("LOWER_UP");
        expect(Bun.spawnSync(["ip", "link", "show", "dev", child]).exitCode).not.toBe(0);
      } finally {
        await bundle.call("delete", "--force", bundle.id);
        ip("link", "delete", parent);
      }
    },
    {
      impossible: isMachine ? undefined : "the machines of test/vm have these kinds",
      except: { crun: "1.8 is older than this field", runc: "1.1 is older than this field" },
    },
  );
}
