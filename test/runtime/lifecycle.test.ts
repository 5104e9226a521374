/** The states of a container and the commands that lead from one to the next. */
import { expect } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { until } from "../support/until.ts";
import { groupsNamed, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

eachRuntime("run prints what the program prints, ends as it ends, leaves nothing", async (bundle) => {
  expect(await bundle.run(shell("echo out; echo err >&2; exit 7"))).toEqual({
    code: 7,
    stdout: "out\n",
    stderr: "err\n",
  });
  expect((await bundle.call("state", bundle.id)).code).toBe(1);
  expect(groupsNamed(bundle.id)).toEqual([]);
});

eachRuntime("a program that a signal ends is 128 and the signal", async (bundle) => {
  expect((await bundle.run(specOf(["/bin/sleep", "0.01"]))).code).toBe(0);
  const spec = shell("sh -c 'kill -9 $$'; exit $?");
  expect((await bundle.run(spec)).code).toBe(137);
});

eachRuntime("created, running, stopped, deleted", async (bundle) => {
  expect((await bundle.create(shell("echo started; exec sleep 1000"))).code).toBe(0);
  const created = await bundle.state();
  expect(created).toMatchObject({ id: bundle.id, status: "created", bundle: bundle.path });
  expect(bundle.output()).toBe("");
  const pid = created["pid"];
  expect(readFileSync(`/proc/${pid}/stat`, "utf8")).toStartWith(`${pid} `);
  expect((await bundle.start()).code).toBe(0);
  expect(await bundle.status()).toBe("running");
  await until("the program has started", () => bundle.output() === "started\n");
  expect((await bundle.start()).code).toBe(1);
  expect((await bundle.call("delete", bundle.id)).code).toBe(1);
  expect(await bundle.status()).toBe("running");
  expect((await bundle.call("kill", bundle.id, "KILL")).code).toBe(0);
  await until("it has stopped", async () => (await bundle.status()) === "stopped");
  expect((await bundle.start()).code).toBe(1);
  expect((await bundle.call("kill", bundle.id, "KILL")).code).toBe(1);
  expect((await bundle.call("delete", bundle.id)).code).toBe(0);
  expect((await bundle.call("state", bundle.id)).code).toBe(1);
  expect((await bundle.call("delete", bundle.id)).code).toBe(1);
  expect(groupsNamed(bundle.id)).toEqual([]);
});

eachRuntime("the bundle that state tells is a plain absolute path, however it was given", async (bundle) => {
  bundle.configure(specOf(["/bin/true"]));
  const given = [
    `${bundle.path}/`,
    `${bundle.directory}//./bundle`,
    `${bundle.path}/../bundle`,
    "../bundle",
    ".",
  ];
  for (const path of given) {
    expect((await bundle.detached("create", "--bundle", path, bundle.id)).code).toBe(0);
    expect({ path, bundle: (await bundle.state())["bundle"] }).toEqual({ path, bundle: bundle.path });
    await bundle.call("delete", "--force", bundle.id);
  }
});

eachRuntime("the configuration that was created is the one that is started", async (bundle) => {
  await bundle.create(shell("echo first; exec sleep 1000"));
  bundle.configure(shell("echo second"));
  expect((await bundle.start()).code).toBe(0);
  await until("output", () => bundle.output() !== "");
  expect(bundle.output()).toBe("first\n");
});

eachRuntime(
  "a created container is not deleted without force",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    expect((await bundle.call("delete", bundle.id)).code).toBe(1);
    expect(await bundle.status()).toBe("created");
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    expect((await bundle.call("state", bundle.id)).code).toBe(1);
  },
  {
    except: {
      runc: "deletes it, but the specification wants an error for what is not stopped",
      crun: "deletes it, but the specification wants an error for what is not stopped",
    },
  },
);

eachRuntime("an id is taken once", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  const again = await bundle.detached("create", bundle.id);
  expect(again.code).toBe(1);
  expect(again.stderr).toContain("exist");
  expect(await bundle.status()).toBe("created");
});

eachRuntime(
  "ids that are no names are refused",
  async (bundle) => {
    bundle.configure(specOf(["/bin/true"]));
    for (const id of ["../x", "a/b", "a b", ""]) {
      expect({ id, code: (await bundle.call("run", id)).code }).not.toEqual({ id, code: 0 });
    }
  },
  { except: { crun: "1.8 accepts spaces: the specification leaves the form of ids open" } },
);

eachRuntime("pid file and state name the same process; bundle by flag", async (bundle) => {
  bundle.configure(specOf(["/bin/sleep", "1000"]));
  const pidFile = join(bundle.directory, "pid");
  const made = await bundle.detached("create", "--bundle", bundle.path, "--pid-file", pidFile, bundle.id);
  expect(made.code).toBe(0);
  expect(readFileSync(pidFile, "utf8")).toBe(String((await bundle.state())["pid"]));
});

eachRuntime("run --detach comes back while the program runs", async (bundle) => {
  bundle.configure(shell("echo up; exec sleep 1000"));
  expect((await bundle.detached("run", "--detach", bundle.id)).code).toBe(0);
  expect(await bundle.status()).toBe("running");
  await until("output", () => bundle.output() === "up\n");
});

eachRuntime("list names every container with its status", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  const { stdout } = await bundle.call("list", "--format", "json");
  expect(JSON.parse(stdout)).toMatchObject([{ id: bundle.id, status: "created", bundle: bundle.path }]);
  expect((await bundle.call("list", "--quiet")).stdout).toBe(`${bundle.id}\n`);
});

eachRuntime("kill sends the signal that it is told, TERM unless told", async (bundle) => {
  await bundle.create(
    shell("trap 'echo usr1' USR1; trap 'exit 3' TERM; echo ready; while :; do sleep 0.05; done"),
  );
  await bundle.start();
  await until("traps", () => bundle.output() === "ready\n");
  expect((await bundle.call("kill", bundle.id, "0")).code).toBe(0);
  expect((await bundle.call("kill", bundle.id, "SIGUSR1")).code).toBe(0);
  await until("the trap ran", () => bundle.output() === "ready\nusr1\n");
  expect((await bundle.call("kill", bundle.id)).code).toBe(0);
  await until("it has stopped", async () => (await bundle.status()) === "stopped");
});

eachRuntime(
  "kill refuses what is no signal",
  async (bundle) => {
    await bundle.create(specOf(["/bin/sleep", "1000"]));
    expect((await bundle.call("kill", bundle.id, "NOSIGNAL")).code).not.toBe(0);
    expect(await bundle.status()).toBe("created");
  },
  { except: { crun: "1.8 ends with 0 and sends nothing" } },
);

eachRuntime("pause and resume", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  expect((await bundle.call("pause", bundle.id)).code).toBe(0);
  expect(await bundle.status()).toBe("paused");
  expect((await bundle.call("exec", bundle.id, "/bin/true")).code).not.toBe(0);
  expect((await bundle.call("resume", bundle.id)).code).toBe(0);
  expect(await bundle.status()).toBe("running");
  expect((await bundle.call("exec", bundle.id, "/bin/true")).code).toBe(0);
});

eachRuntime("delete --force ends a running container, and is content with none", async (bundle) => {
  await bundle.create(specOf(["/bin/sleep", "1000"]));
  await bundle.start();
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
  expect(groupsNamed(bundle.id)).toEqual([]);
});

eachRuntime("a failed create leaves nothing and frees the id", async (bundle) => {
  expect((await bundle.create(specOf(["/bin/nothing"]))).code).toBe(1);
  expect((await bundle.call("state", bundle.id)).code).toBe(1);
  expect(groupsNamed(bundle.id)).toEqual([]);
  expect((await bundle.create(specOf(["/bin/sleep", "1000"]))).code).toBe(0);
});

eachRuntime(
  "a run whose container is deleted meanwhile leaves the rest to the deletion, and the id to the next container",
  async (bundle) => {
    const hook = { path: "/bin/sh", args: ["sh", "-c", `echo gone >> ${bundle.directory}/gone; sleep 0.2`] };
    bundle.configure({ ...specOf(["/bin/sleep", "1000"]), hooks: { poststop: [hook] } });
    const running = bundle.call("run", bundle.id);
    await until("it runs", async () => (await bundle.call("state", bundle.id)).stdout.includes("running"));
    expect((await bundle.call("delete", "--force", bundle.id)).code).toBe(0);
    bundle.configure(specOf(["/bin/sleep", "1000"]));
    expect((await bundle.detached("create", bundle.id)).code).toBe(0);
    expect((await running).code).toBe(137);
    expect(bundle.read("gone")).toBe("gone\n");
    expect(await bundle.status()).toBe("created");
  },
  {
    except: {
      runc: "1.1 runs the hook twice",
      crun: "1.8 fails the deletion when the run is quicker",
    },
  },
);
