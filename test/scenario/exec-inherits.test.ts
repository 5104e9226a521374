/**
 * What a further process takes from its container: everything that bounds or names the first one. Each row is a container, a look
 * from inside, and what both processes must see.
 */
import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { startEngine, type TestEngine } from "../support/engine-harness.ts";
import { until } from "../support/until.ts";

let engine: TestEngine;
beforeAll(async () => {
  engine = await startEngine();
});
afterAll(async () => {
  await engine[Symbol.asyncDispose]();
});

interface Row {
  readonly what: string;
  readonly flags: readonly string[];
  readonly look: string;
  readonly wanted: string;
  /** Given to exec. */
  readonly execFlags?: readonly string[];
  /** Where exec is not the same as the first process. */
  readonly execWanted?: string;
}

const groups = "sed -n 's/^Groups:[[:space:]]*//p' /proc/self/status | sed 's/ *$//'";
const status = (field: string): string => `sed -n 's/^${field}:[[:space:]]*//p' /proc/self/status`;
const rows: readonly Row[] = [
  {
    what: "open files",
    flags: ["--ulimit", "nofile=123:456"],
    look: "ulimit -Sn; ulimit -Hn",
    wanted: "123\n456",
  },
  { what: "core size", flags: ["--ulimit", "core=0"], look: "ulimit -c", wanted: "0" },
  {
    what: "OOM score",
    flags: ["--oom-score-adj", "300"],
    look: "cat /proc/self/oom_score_adj",
    wanted: "300",
  },
  { what: "groups of root", flags: [], look: groups, wanted: "0 10" },
  { what: "the primary group of a number", flags: ["-u", "1000:1000"], look: groups, wanted: "1000" },
  { what: "the primary group of a name", flags: ["-u", "www-data"], look: groups, wanted: "33" },
  { what: "a number without an account", flags: ["-u", "1000"], look: groups, wanted: "0" },
  {
    what: "added groups",
    flags: ["--group-add", "44", "--group-add", "users"],
    look: groups,
    wanted: "0 10 44 100",
  },
  {
    what: "added groups of another user",
    flags: ["--group-add", "44"],
    look: groups,
    wanted: "0 10 44",
    execFlags: ["-u", "1000:1001"],
    execWanted: "44 1001",
  },
  {
    what: "no new privileges",
    flags: ["--security-opt", "no-new-privileges"],
    look: status("NoNewPrivs"),
    wanted: "1",
  },
  {
    what: "no new privileges of a privileged exec",
    flags: ["--security-opt", "no-new-privileges"],
    look: status("NoNewPrivs"),
    wanted: "1",
    execFlags: ["--privileged"],
  },
  { what: "system call filter", flags: [], look: status("Seccomp"), wanted: "2" },
  {
    what: "no filter",
    flags: ["--security-opt", "seccomp=unconfined"],
    look: status("Seccomp"),
    wanted: "0",
  },
  {
    what: "capabilities",
    flags: ["--cap-drop", "ALL", "--cap-add", "CHOWN"],
    look: status("CapEff"),
    wanted: "0000000000000001",
  },
  {
    what: "bounding capabilities",
    flags: ["--cap-drop", "ALL", "-u", "33"],
    look: status("CapBnd"),
    wanted: "0000000000000000",
  },
  { what: "environment", flags: ["-e", "A=b"], look: "echo $A", wanted: "b" },
  { what: "directory", flags: ["-w", "/usr/local"], look: "pwd", wanted: "/usr/local" },
  { what: "host name", flags: ["-h", "named"], look: "hostname", wanted: "named" },
  {
    what: "sysctl",
    flags: ["--sysctl", "net.ipv4.ip_default_ttl=33"],
    look: "cat /proc/sys/net/ipv4/ip_default_ttl",
    wanted: "33",
  },
  { what: "user", flags: ["-u", "www-data"], look: "id -u; id -g", wanted: "33\n33" },
  { what: "home", flags: ["-u", "www-data"], look: "echo $HOME", wanted: "/var/www" },
  { what: "file mode mask", flags: [], look: "umask", wanted: "0022" },
];

describe("the first process and one of exec see the same", () => {
  for (const [index, row] of rows.entries()) {
    test(row.what, async () => {
      const name = `row-${index}`;
      // The first process looks, tells, and stays for the second.
      const script = `{ ${row.look}; } >/tmp/looking; mv /tmp/looking /tmp/first; exec sleep 1000`;
      await engine.output("run", "-d", "--name", name, ...row.flags, "base", "sh", "-c", script);
      let first = "";
      await until("the first look", async () => {
        const { exitCode, stdout } = await engine.cli("exec", name, "cat", "/tmp/first");
        first = stdout.trim();
        return exitCode === 0;
      });
      const second = await engine.output("exec", ...(row.execFlags ?? []), name, "sh", "-c", row.look);
      expect({ first, second }).toEqual({ first: row.wanted, second: row.execWanted ?? row.wanted });
      await engine.output("rm", "-f", name);
    });
  }
});

test("groups that a file takes rights from are refused by it, in exec as well", async () => {
  const prepare =
    "echo secret >/tmp/closed; chown 0:1000 /tmp/closed; chmod 0604 /tmp/closed; exec sleep 1000";
  await engine.output("run", "-d", "--name", "negative", "base", "sh", "-c", prepare);
  await engine.output("exec", "negative", "sh", "-c", "until [ -s /tmp/closed ]; do :; done");
  // Group 1000 has no rights though everybody else has: a member by primary group is a member.
  const { exitCode, stderr } = await engine.cli("exec", "-u", "1000:1000", "negative", "cat", "/tmp/closed");
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining("Permission denied")]);
  expect(await engine.output("exec", "-u", "1001:1001", "negative", "cat", "/tmp/closed")).toBe("secret");
});
