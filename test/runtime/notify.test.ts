/** Seccomp with an agent: who decides about a call is a process of the host. */
import { expect } from "bun:test";
import { join } from "node:path";
import { OwnedFd } from "../../src/kernel/owned-fd.ts";
import { pollIn, waitFor } from "../../src/kernel/poll.ts";
import { receiveWithFds } from "../../src/kernel/send-fds.ts";
import { syscall } from "../../src/kernel/syscall.ts";
import { listenUnix } from "../../src/kernel/unix-listener.ts";
import type { RuntimeSpec } from "../../src/oci/mod.ts";
import { until } from "../support/until.ts";
import { type Bundle, shell, specOf } from "./bundle.ts";
import { eachRuntime } from "./runtimes.ts";

const limitMs = 10_000;
/** SECCOMP_IOCTL_NOTIF_RECV and _SEND; sizes of their structures. */
const receive = 0xc050_2100;
const send = 0xc018_2101;
const notificationBytes = 80;
const replyBytes = 24;
const eperm = 1;

interface Asked {
  readonly listener: OwnedFd;
  readonly state: {
    readonly pid: number;
    readonly metadata: string;
    readonly fds: string[];
    readonly state: { readonly id: string; readonly pid: number };
  };
}

function accept(socket: OwnedFd): Asked {
  if (!waitFor(socket, pollIn, limitMs)) throw new Error("nobody connected to the agent");
  using peer = new OwnedFd(syscall("accept4", "agent", socket.raw, 0, 0, 0o2000000), "peer");
  const buffer = new Uint8Array(4096);
  const { fds, length } = receiveWithFds(peer, buffer, 1);
  const [listener] = fds;
  if (listener === undefined) throw new Error("no descriptor came");
  // A decode border: what the runtime has sent.
  return {
    listener,
    state: JSON.parse(new TextDecoder().decode(buffer.subarray(0, length))) as Asked["state"],
  };
}

/** Answers one call with EPERM. */
function refuse(listener: OwnedFd): void {
  if (!waitFor(listener, pollIn, limitMs)) throw new Error("nothing was asked");
  const notification = new Uint8Array(notificationBytes);
  syscall("ioctl", "notification", listener.raw, receive, notification);
  const reply = new Uint8Array(replyBytes);
  reply.set(notification.subarray(0, 8));
  new DataView(reply.buffer).setInt32(16, -eperm, true);
  syscall("ioctl", "reply", listener.raw, send, reply);
}

eachRuntime(
  "SCMP_ACT_NOTIFY: the agent gets the listener with the state, and decides",
  async (bundle) => {
    using socket = listenUnix(bundle.directory, "agent", 4);
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
      listenerPath: join(bundle.directory, "agent"),
      listenerMetadata: "for the agent",
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
    } as const;
    const spec = shell("mkdir /tmp/x 2>/dev/null && echo made || echo refused; exec sleep 1000");
    expect((await bundle.create({ ...spec, linux: { ...spec.linux, seccomp } })).code).toBe(0);
    const { pid } = await bundle.state();
    const asked = accept(socket);
    using listener = asked.listener;
    expect(asked.state).toMatchObject({
      pid,
      metadata: "for the agent",
      fds: ["seccompFd"],
      state: { id: bundle.id },
    });
    await bundle.start();
    refuse(listener);
    await until("the program has printed", () => bundle.output() !== "");
    expect(bundle.output()).toBe("refused\n");
  },
  { except: { crun: "1.8 wants the path of a plug-in instead" } },
);

const attempts = 20;

/** The filter of the cases below: its questions go to the agent of the bundle. */
function asking(bundle: Bundle): NonNullable<RuntimeSpec["linux"]> {
  return {
    ...shell("").linux,
    seccomp: {
      defaultAction: "SCMP_ACT_ALLOW",
      architectures: ["SCMP_ARCH_X86_64", "SCMP_ARCH_AARCH64"],
      listenerPath: join(bundle.directory, "agent"),
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
    },
  };
}

/** Exits with 0 when the answer is the agent's: without one, the kernel's is that there is no such call. */
const asksAtOnce = ["/bin/sh", "-c", "mkdir /tmp/x 2>&1 | grep -q 'not permitted'"];

eachRuntime(
  "the agent is asked by the program of a run as well, however early it asks",
  async (bundle) => {
    using socket = listenUnix(bundle.directory, "agent", 4);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const run = bundle.run({ ...specOf(asksAtOnce), linux: asking(bundle) });
      using listener = accept(socket).listener;
      refuse(listener);
      expect(await run).toEqual({ code: 0, stdout: "", stderr: "" });
    }
  },
  { except: { crun: "1.8 wants the path of a plug-in instead" } },
);

eachRuntime(
  "the agent is asked by the program of an exec as well, however early it asks",
  async (bundle) => {
    using socket = listenUnix(bundle.directory, "agent", 4);
    const spec = specOf(["/bin/sleep", "1000"]);
    expect((await bundle.create({ ...spec, linux: asking(bundle) })).code).toBe(0);
    using first = accept(socket).listener;
    expect((await bundle.start()).code).toBe(0);
    for (let attempt = 0; attempt < attempts; attempt += 1) {
      const exec = bundle.call("exec", bundle.id, ...asksAtOnce);
      using listener = accept(socket).listener;
      refuse(listener);
      expect(await exec).toEqual({ code: 0, stdout: "", stderr: "" });
    }
    expect(first.raw).toBeGreaterThan(2);
  },
  { except: { crun: "1.8 wants the path of a plug-in instead" } },
);

eachRuntime(
  "no program runs before its agent has taken the listener",
  async (bundle) => {
    using socket = listenUnix(bundle.directory, "agent", 4);
    const annotations = { large: "x".repeat(400_000) };
    const run = bundle.run({ ...shell("echo ran"), annotations, linux: asking(bundle) });
    // The connection's buffer does not hold the state: it is not taken until somebody reads.
    if (!waitFor(socket, pollIn, limitMs)) throw new Error("nobody connected to the agent");
    const peer = new OwnedFd(syscall("accept4", "agent", socket.raw, 0, 0, 0o2000000), "peer");
    if (!waitFor(peer, pollIn, limitMs)) throw new Error("nothing came");
    peer[Symbol.dispose]();
    const { code, stdout, stderr } = await run;
    expect({ code, stdout }).toEqual({ code: 1, stdout: "" });
    expect(stderr).not.toBe("");
  },
  {
    except: {
      crun: "1.8 wants the path of a plug-in instead",
      runc: "1.1 does not wait until the whole of a large state is taken",
    },
  },
);

eachRuntime("SCMP_ACT_NOTIFY without an agent is refused", async (bundle) => {
  const seccomp = {
    defaultAction: "SCMP_ACT_ALLOW",
    syscalls: [{ names: ["mkdir"], action: "SCMP_ACT_NOTIFY" }],
    listenerPath: join(bundle.directory, "nobody"),
  } as const;
  const spec = specOf(["/bin/true"]);
  expect((await bundle.run({ ...spec, linux: { ...spec.linux, seccomp } })).code).toBe(1);
});

eachRuntime(
  "a listener whose questions only a fatal signal ends",
  async (bundle) => {
    using socket = listenUnix(bundle.directory, "agent", 4);
    const seccomp = {
      defaultAction: "SCMP_ACT_ALLOW",
      flags: ["SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV"],
      listenerPath: join(bundle.directory, "agent"),
      syscalls: [{ names: ["mkdir", "mkdirat"], action: "SCMP_ACT_NOTIFY" }],
    } as const;
    const spec = specOf(["/bin/sleep", "1000"]);
    expect((await bundle.create({ ...spec, linux: { ...spec.linux, seccomp } })).code).toBe(0);
    using listener = accept(socket).listener;
    expect(listener.raw).toBeGreaterThan(2);
    expect((await bundle.start()).code).toBe(0);
  },
  { except: { crun: "1.8 is older than this flag", runc: "1.1 is older than this flag" } },
);
