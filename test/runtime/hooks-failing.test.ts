/** What the failure of each kind of hook means, and what hooks are told and given. */
import { expect } from "bun:test";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import type { OciHook, OciHooks } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { Bundle, groupsNamed, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const before: readonly (keyof OciHooks)[] = ["prestart", "createRuntime", "createContainer"];

async function isGone(bundle: Bundle): Promise<boolean> {
  return (await bundle.call("state", bundle.id)).code === 1 && groupsNamed(bundle.id).length === 0;
}

eachRuntime(
  "a failing hook before the program: no hook after it but poststop runs",
  async (bundle) => {
    for (const kind of before) {
      const hooks: OciHooks = {
        [kind]: [{ path: "/bin/false" }, bundle.hook(kind, "second")],
        poststart: [bundle.hook(kind, "poststart")],
        poststop: [bundle.hook(kind, "poststop")],
      };
      expect((await bundle.create({ ...specOf(["/bin/sleep", "1000"]), hooks })).code).not.toBe(0);
      expect({ kind, ran: bundle.read(kind) }).toEqual({ kind, ran: "poststop\n" });
    }
  },
  {
    except: {
      crun: "1.8 does not run poststop then",
      runc: "1.1 does not run poststop after a createContainer hook has failed",
    },
  },
);

eachRuntime(
  "a failing startContainer hook: start is an error, the container is destroyed, the program never runs",
  async (bundle) => {
    const hooks: OciHooks = {
      startContainer: [{ path: "/bin/false" }],
      poststop: [bundle.hook("after", "poststop")],
    };
    const spec = { ...shell(": > /tmp/ran; exec sleep 1000"), hooks };
    expect((await bundle.create(spec)).code).toBe(0);
    expect((await bundle.start()).code).toBe(1);
    await until("it is gone", async () => await isGone(bundle));
    expect(bundle.read("after")).toBe("poststop\n");
    expect(existsSync(join(bundle.rootfs, "tmp", "ran"))).toBe(false);
  },
  {
    except: {
      crun: "1.8 leaves the stopped container to be deleted",
      runc: "1.1 leaves the stopped container to be deleted",
    },
  },
);

eachRuntime(
  "a failing poststart hook: start is an error, the container is stopped and destroyed",
  async (bundle) => {
    const hooks: OciHooks = {
      poststart: [bundle.hook("after", "first"), { path: "/bin/false" }, bundle.hook("after", "third")],
      poststop: [bundle.hook("after", "poststop")],
    };
    expect((await bundle.create({ ...specOf(["/bin/sleep", "1000"]), hooks })).code).toBe(0);
    expect((await bundle.start()).code).toBe(1);
    expect(await isGone(bundle)).toBe(true);
    expect(bundle.read("after")).toBe("first\npoststop\n");
    expect((await bundle.run({ ...specOf(["/bin/sleep", "1000"]), hooks })).code).toBe(1);
    expect(await isGone(bundle)).toBe(true);
  },
  {
    except: {
      crun: "1.8 goes on, as specifications before 1.3 wanted",
      runc: "1.1 runs poststart at create",
    },
  },
);

/** A hook that writes its arguments and the names of its variables to `file`. */
function teller(file: string): OciHook {
  return {
    path: "/bin/sh",
    args: ["named", "-c", `echo "$0 $1" > ${file}; env >> ${file}`, "zero", "one"],
    env: ["KEY=value", "PATH=/bin:/usr/bin"],
  };
}

/** What shells set themselves. */
const ofShells = /^(PWD|OLDPWD|SHLVL|_)=/;

eachRuntime("a hook gets its own arguments and environment and nothing of ours", async (bundle) => {
  for (const kind of ["createRuntime", "createContainer"] as const) {
    const file = join(bundle.directory, `${kind}.told`);
    const hooks: OciHooks = { [kind]: [teller(file)] };
    expect((await bundle.run({ ...specOf(["/bin/true"]), hooks })).code).toBe(0);
    const [words, ...variables] = bundle.read(`${kind}.told`).trim().split("\n");
    expect(words).toBe("zero one");
    const given = variables.filter((line) => !ofShells.test(line));
    expect({ kind, given: given.toSorted() }).toEqual({ kind, given: ["KEY=value", "PATH=/bin:/usr/bin"] });
  }
});

/** A decode border: the tests look at single fields of what a hook was told. */
function told(bundle: Bundle, name: string): Readonly<Record<string, unknown>> {
  return JSON.parse(bundle.read(name)) as Record<string, unknown>;
}

eachRuntime(
  "every hook is told the status of its moment, and the pid as it is where the hook runs",
  async (bundle) => {
    mkdirSync(join(bundle.rootfs, "told"), { mode: 0o777 });
    const inside = { path: "/bin/sh", args: ["sh", "-c", "cat > /told/start"], env: ["PATH=/bin"] };
    const kinds = ["prestart", "createRuntime", "createContainer", "poststart", "poststop"] as const;
    const hooks: OciHooks = { ...bundle.hooks(kinds), startContainer: [inside] };
    await bundle.create({ ...specOf(["/bin/sleep", "1000"]), hooks });
    const { pid } = await bundle.state();
    await bundle.start();
    await bundle.call("delete", "--force", bundle.id);
    for (const kind of ["prestart", "createRuntime"]) {
      expect(told(bundle, `hooks.${kind}`)).toMatchObject({ status: "creating", pid });
    }
    expect(told(bundle, "hooks.createContainer")).toMatchObject({ status: "creating", pid: 1 });
    expect(told(bundle, "bundle/rootfs/told/start")).toMatchObject({ status: "created", pid: 1 });
    expect(told(bundle, "hooks.poststart")).toMatchObject({ status: "running", pid });
    expect(told(bundle, "hooks.poststop")).toMatchObject({ status: "stopped" });
  },
  {
    except: {
      crun: "1.8 says created for what is being created, and no pid inside",
      runc: "1.1 runs poststart at create",
    },
  },
);

eachRuntime(
  "several hooks of a kind run one after the other, a missing program is a failure",
  async (bundle) => {
    const hooks: OciHooks = {
      createRuntime: [bundle.hook("order", "1"), bundle.hook("order", "2"), bundle.hook("order", "3")],
      createContainer: [bundle.hook("order", "4"), bundle.hook("order", "5")],
    };
    expect((await bundle.run({ ...specOf(["/bin/true"]), hooks })).code).toBe(0);
    expect(bundle.read("order")).toBe("1\n2\n3\n4\n5\n");
    const missing: OciHooks = { createRuntime: [{ path: "/nowhere/at/all" }] };
    expect((await bundle.create({ ...specOf(["/bin/true"]), hooks: missing })).code).not.toBe(0);
    expect(await isGone(bundle)).toBe(true);
  },
);

eachRuntime("the time limit of a hook in the container is kept too", async (bundle) => {
  const slow: OciHook = { path: "/bin/sleep", args: ["sleep", "1000"], timeout: 1 };
  const hooks: OciHooks = { createContainer: [slow] };
  expect((await bundle.create({ ...specOf(["/bin/true"]), hooks })).code).toBe(1);
  expect(await isGone(bundle)).toBe(true);
});

/** More than a pipe holds. */
const longAnnotations = { long: "x".repeat(200_000) };
const kinds = ["prestart", "createRuntime", "createContainer", "startContainer"] as const;

eachRuntime(
  "the time limit of a hook runs while it does not read what it is told",
  async (bundle) => {
    const slow: OciHook = { path: "/bin/sleep", args: ["sleep", "1000"], timeout: 1 };
    const outcomes = await Promise.all(
      kinds.map(async (kind) => {
        await using own = new Bundle(bundle.runtime);
        const spec = specOf(["/bin/true"]);
        const { code } = await own.run({ ...spec, annotations: longAnnotations, hooks: { [kind]: [slow] } });
        return { kind, code, isGone: await isGone(own) };
      }),
    );
    expect(outcomes).toEqual(kinds.map((kind) => ({ kind, code: 1, isGone: true })));
  },
  { except: { crun: "1.8 writes first and counts then" } },
);

eachRuntime(
  "a hook that reads nothing of what it is told does not end a program that is no PID 1",
  async (bundle) => {
    const { linux = {}, ...spec } = shell("echo ran");
    const namespaces = (linux.namespaces ?? []).filter(({ type }) => type !== "pid");
    for (const kind of kinds) {
      const { code, stdout } = await bundle.run({
        ...spec,
        linux: { ...linux, namespaces },
        annotations: longAnnotations,
        hooks: { [kind]: [{ path: "/bin/true" }] },
      });
      expect({ kind, code, stdout }).toEqual({ kind, code: 0, stdout: "ran\n" });
    }
  },
  {
    except: {
      crun: "1.8 dies of the signal of a broken pipe",
      runc: "1.1 dies of the signal of a broken pipe now and then",
    },
  },
);

eachRuntime(
  "createRuntime runs while the host's root is in reach and the namespaces are made",
  async (bundle) => {
    const file = join(bundle.directory, "seen");
    const script = `p=$(sed 's/.*"pid": *\\([0-9]*\\).*/\\1/'); readlink /proc/self/ns/mnt /proc/$p/ns/mnt > ${file}`;
    const hook = { path: "/bin/sh", args: ["sh", "-c", script], env: ["PATH=/bin:/usr/bin"] };
    expect((await bundle.run({ ...specOf(["/bin/true"]), hooks: { createRuntime: [hook] } })).code).toBe(0);
    const [ours, its] = bundle.read("seen").trim().split("\n");
    expect(its).toStartWith("mnt:");
    expect(its).not.toBe(ours);
  },
);
