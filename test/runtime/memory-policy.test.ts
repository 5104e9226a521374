/** `linux.memoryPolicy`: each mode and flag, as the kernel shows the policy of the program's memory. */
import { expect } from "bun:test";
import { existsSync } from "node:fs";
import type { LinuxSpec } from "../../src/oci/mod.ts";
import { type Bundle, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

type Policy = NonNullable<LinuxSpec["memoryPolicy"]>;

const options = {
  except: { crun: "1.8 is older than this field", runc: "1.1 is older than this field" },
  impossible: existsSync("/proc/self/numa_maps") ? undefined : "the kernel has no NUMA policies",
} as const;

async function shown(bundle: Bundle, memoryPolicy: Policy): Promise<string> {
  const spec = specOf(["/bin/head", "-n", "1", "/proc/self/numa_maps"]);
  const { code, stdout } = await bundle.run({ ...spec, linux: { ...spec.linux, memoryPolicy } });
  return code === 0 ? (stdout.split(" ")[1] ?? "") : "refused";
}

const policies: readonly (readonly [mode: string, nodes: string, flags: readonly string[], shown: string])[] =
  [
    ["MPOL_DEFAULT", "", [], "default"],
    ["MPOL_LOCAL", "", [], "local"],
    ["MPOL_BIND", "0", [], "bind:0"],
    ["MPOL_INTERLEAVE", "0", [], "interleave:0"],
    ["MPOL_PREFERRED", "0", [], "prefer:0"],
    ["MPOL_PREFERRED_MANY", "0", [], "prefer"],
    ["MPOL_BIND", "0", ["MPOL_F_STATIC_NODES"], "bind=static:0"],
    ["MPOL_BIND", "0-3", ["MPOL_F_RELATIVE_NODES"], "bind=relative:0"],
    ["MPOL_BIND", "0", ["MPOL_F_NUMA_BALANCING"], "bind=balancing:0"],
  ];

eachRuntime(
  "a NUMA policy: each mode, nodes and flags",
  async (bundle) => {
    for (const [mode, nodes, flags, wanted] of policies) {
      const found = await shown(bundle, { mode, nodes, flags });
      // Kernels show less or more of the nodes of what is only preferred.
      expect(`${mode} ${flags.join()}: ${found}`).toStartWith(`${mode} ${flags.join()}: ${wanted}`);
    }
  },
  options,
);

eachRuntime(
  "a NUMA policy that the kernel refuses is an error",
  async (bundle) => {
    const refused: readonly Policy[] = [
      { mode: "MPOL_BIND" },
      { mode: "MPOL_BIND", nodes: "99" },
      { mode: "MPOL_BIND", nodes: "none" },
      { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_STATIC_NODES", "MPOL_F_RELATIVE_NODES"] },
      { mode: "MPOL_BIND", nodes: "0", flags: ["MPOL_F_SOMETIMES"] },
    ];
    for (const policy of refused) {
      expect({ policy, found: await shown(bundle, policy) }).toEqual({ policy, found: "refused" });
    }
  },
  options,
);
