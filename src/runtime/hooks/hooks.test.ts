/** Hooks without a command line: whoever has an environment, a directory and streams may run them. */
import { afterAll, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { type TemporaryDirectory, temporaryDirectory } from "../../../test/support/temporary-directory.ts";
import { openFile, openFlags } from "../../kernel/files.ts";
import { pollIn, waitFor } from "../../kernel/poll.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { OciHook } from "../../oci/mod.ts";
import { type HookHost, type HookState, isHookFailure, planHooks, runHostHooks } from "./mod.ts";

const bundle: TemporaryDirectory = temporaryDirectory("hooks");
const nothing = openFile(undefined, "/dev/null", openFlags.readWrite);
afterAll(() => {
  bundle[Symbol.dispose]();
  nothing[Symbol.dispose]();
});

const host: HookHost = {
  env: { FROM: "caller", GONE: undefined },
  cwd: "/",
  standard: [nothing, nothing, nothing],
  readable: async (fd, limitMs) => waitFor(fd, pollIn, limitMs),
};
const state: HookState = { ociVersion: "1.2.0", id: "box", status: "creating", bundle: bundle.path };

function shell(script: string, more: Partial<OciHook> = {}): OciHook {
  return { path: "/bin/sh", args: ["sh", "-c", script], ...more };
}

async function failureOf(hooks: readonly OciHook[]): Promise<unknown> {
  try {
    await runHostHooks("poststart", hooks, state, 7, host);
  } catch (thrown) {
    return thrown;
  }
  return undefined;
}

test("hooks run one after the other in the bundle, with the state on their stdin and the environment that they ask for", async () => {
  await runHostHooks(
    "prestart",
    [
      shell('cat >document; echo "$FROM $0" >words'),
      shell('echo "$FROM$OWN" >>words', { env: ["OWN=hook"] }),
    ],
    state,
    7,
    host,
  );
  expect(JSON.parse(readFileSync(`${bundle.path}/document`, "utf8"))).toEqual({ pid: 7, ...state });
  expect(readFileSync(`${bundle.path}/words`, "utf8")).toBe("caller sh\nhook\n");
});

test.each([
  [shell("exit 3"), "error running hook poststart[0] /bin/sh: exited with 3"],
  [shell("kill -9 $$"), "error running hook poststart[0] /bin/sh: ended by signal 9"],
  [
    shell("exec sleep 100", { timeout: 1 }),
    "error running hook poststart[0] /bin/sh: did not end within 1 s and was killed",
  ],
  [{ path: "/nonexistent" }, "error running hook poststart[0] /nonexistent: cannot be started: ENOENT"],
])("the first hook that fails is the error, and no later one runs: %#", async (hook, message) => {
  const failure = await failureOf([hook, shell("touch later")]);
  expect(failure).toBeInstanceOf(TiffinError);
  expect([String(failure instanceof Error && failure.message), isHookFailure(failure)]).toEqual([
    message,
    true,
  ]);
  expect(() => readFileSync(`${bundle.path}/later`)).toThrow("ENOENT");
});

test("a hook of the plan reads the same document, with a blank where the executor writes the pid", () => {
  const [hook] = planHooks([{ path: "/bin/hook", timeout: 2 }], state, () => ["A=1"]);
  const input = new TextDecoder().decode(hook?.input);
  const at = hook?.pidOffset ?? 0;
  const written = `${input.slice(0, at)}${"42".padEnd(10)}${input.slice(at + 10)}`;
  expect(JSON.parse(written)).toEqual({ pid: 42, ...state });
  expect(hook).toMatchObject({ arguments: ["/bin/hook"], environment: ["A=1"], timeoutMs: 2000 });
});
