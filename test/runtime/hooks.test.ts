/** Hooks: when each kind runs, what it is told, what its failure means. */
import { expect } from "bun:test";
import { existsSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import type { OciHook, OciHooks } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { type Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const onHost = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] as const;

function told(bundle: Bundle, kind: string): Readonly<Record<string, unknown>> {
  // A decode border: the tests look at single fields.
  return JSON.parse(bundle.read(`hooks.${kind}`)) as Record<string, unknown>;
}

eachRuntime("run in the order of the specification, with the state on stdin", hooksInOrder, {
  except: { runc: "1.1 runs poststart at create; it belongs to start" },
});

async function hooksInOrder(bundle: Bundle): Promise<void> {
  await bundle.create({
    ...specOf(["/bin/sleep", "1000"]),
    hooks: bundle.hooks(onHost),
    annotations: { "org.example": "yes" },
  });
  expect(bundle.read("hooks")).toBe("prestart\ncreateRuntime\ncreateContainer\n");
  const pid = (await bundle.state())["pid"];
  for (const kind of ["prestart", "createRuntime"]) {
    expect(told(bundle, kind)).toMatchObject({
      id: bundle.id,
      pid,
      bundle: bundle.path,
      annotations: { "org.example": "yes" },
    });
  }
  await bundle.start();
  expect(bundle.read("hooks")).toEndWith("createContainer\npoststart\n");
  expect(told(bundle, "poststart")).toMatchObject({ id: bundle.id, pid, status: "running" });
  await bundle.call("delete", "--force", bundle.id);
  expect(bundle.read("hooks")).toEndWith("poststart\npoststop\n");
  expect(told(bundle, "poststop")).toMatchObject({ id: bundle.id, status: "stopped" });
}

eachRuntime("startContainer runs in the container, after start and before the program", async (bundle) => {
  const hook = {
    path: "/bin/sh",
    args: ["sh", "-c", "cat > /tmp/state; hostname > /tmp/name"],
    env: ["PATH=/bin"],
  };
  await bundle.create({ ...shell("cat /tmp/state; exec sleep 1000"), hooks: { startContainer: [hook] } });
  expect(existsSync(join(bundle.rootfs, "tmp", "state"))).toBe(false);
  await bundle.start();
  await until("the program has printed", () => bundle.output().includes("}"));
  expect(JSON.parse(bundle.output())).toMatchObject({ id: bundle.id });
});

eachRuntime("createContainer sees the container's namespaces and the host's programs", async (bundle) => {
  const file = join(bundle.directory, "seen");
  const hook = {
    path: "/bin/sh",
    args: ["sh", "-c", `readlink /proc/self/ns/uts > ${file}`],
    env: ["PATH=/bin:/usr/bin"],
  };
  await bundle.create({ ...specOf(["/bin/sleep", "1000"]), hooks: { createContainer: [hook] } });
  const { pid } = await bundle.state();
  expect(bundle.read("seen").trim()).toBe(readlinkSync(`/proc/${pid}/ns/uts`));
  expect(bundle.read("seen").trim()).not.toBe(readlinkSync("/proc/self/ns/uts"));
});

const failing: readonly (keyof OciHooks)[] = ["prestart", "createRuntime", "createContainer"];
eachRuntime("a failing hook before the program ends the creation, nothing is left", async (bundle) => {
  for (const kind of failing) {
    const hooks = { [kind]: [{ path: "/bin/false" }], poststop: [bundle.hook("after", kind)] };
    const made = await bundle.create({ ...specOf(["/bin/sleep", "1000"]), hooks });
    expect({ kind, code: made.code }).not.toEqual({ kind, code: 0 });
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
    expect(groupsNamed(bundle.id)).toEqual([]);
  }
});

eachRuntime("a hook that takes too long is ended", async (bundle) => {
  const hooks = { createRuntime: [{ path: "/bin/sleep", args: ["sleep", "1000"], timeout: 1 }] };
  expect((await bundle.create({ ...specOf(["/bin/true"]), hooks })).code).toBe(1);
});

eachRuntime(
  "a failing poststop does not keep the container from being deleted",
  async (bundle) => {
    const hooks = {
      poststop: [
        { path: "/bin/sh", args: ["sh", "-c", "cat > /dev/null; exit 1"], env: ["PATH=/bin:/usr/bin"] },
        bundle.hook("hooks", "second"),
      ],
    };
    await bundle.create({ ...specOf(["/bin/sleep", "1000"]), hooks });
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    expect(bundle.read("hooks")).toBe("second\n");
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
  },
  { except: { runc: "1.1 stops at the first that fails; the specification wants the others to run" } },
);

/** Of its environment, what is not made up by the shell. */
function printsEnvironment(file: string, env?: readonly string[]): OciHook {
  const script = `env | grep -Ev '^(PWD|OLDPWD|SHLVL|_)=' | sort > ${file}; :`;
  return { path: "/bin/sh", args: ["sh", "-c", script], ...(env !== undefined && { env }) };
}

eachRuntime(
  "without an environment of its own a hook has its caller's, in the container the process's",
  async (bundle) => {
    const seen = (kind: string, env?: readonly string[]): OciHook =>
      printsEnvironment(join(bundle.directory, `env-${kind}`), env);
    const hooks = {
      prestart: [seen("prestart")],
      createRuntime: [seen("createRuntime"), seen("none", []), seen("own", ["PATH=/bin:/usr/bin", "A=b"])],
      createContainer: [seen("createContainer")],
      startContainer: [printsEnvironment("/tmp/hook")],
      poststart: [seen("poststart")],
      poststop: [seen("poststop")],
    };
    const spec = shell("cat /tmp/hook", { env: ["PATH=/bin", "OF=process"] });
    expect(await bundle.run({ ...spec, hooks })).toMatchObject({ code: 0, stderr: "" });
    expect(readFileSync(join(bundle.rootfs, "tmp", "hook"), "utf8")).toContain("OF=process\n");
    expect(readFileSync(join(bundle.rootfs, "tmp", "hook"), "utf8")).not.toContain("CALLER=");
    for (const kind of ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]) {
      const lines = bundle.read(`env-${kind}`).split("\n");
      expect({ kind, lines }).toMatchObject({
        kind,
        lines: expect.arrayContaining([`PATH=${process.env["PATH"]}`]),
      });
      // Nothing of ours.
      expect(lines.filter((line) => /TIFFIN_RUNTIME_HELPER_/.test(line))).toEqual([]);
    }
    expect(bundle.read("env-none")).toBe("");
    expect(bundle.read("env-own")).toBe("A=b\nPATH=/bin:/usr/bin\n");
  },
  { except: { runc: "1.1 gives createContainer the process's environment" } },
);
