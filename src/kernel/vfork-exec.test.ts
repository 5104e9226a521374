import { expect, test } from "bun:test";
import { openFile, openFlags } from "./files.ts";
import { readToEnd } from "./io.ts";
import { reapChild } from "./pidfd.ts";
import { socketPair } from "./socket-pair.ts";
import { SyscallError } from "./syscall.ts";
import { vforkExec } from "./vfork-exec.ts";

test("runs an open program with one more descriptor; its end is reaped", () => {
  using program = openFile(undefined, "/bin/sh", openFlags.readOnly);
  for (let turn = 0; turn < 50; turn += 1) {
    const [ours, theirs] = socketPair("channel");
    using channel = ours;
    const pid = vforkExec(program, ["sh", "-c", 'echo "$0 $#" >&3; exit 7', "name", "a b"], theirs);
    theirs[Symbol.dispose]();
    expect(new TextDecoder().decode(readToEnd(channel, 4096))).toBe("name 1\n");
    expect(reapChild(pid, { block: true })).toEqual({ kind: "exited", code: 7 });
  }
});

test("a file that cannot be executed is told with its errno", () => {
  using program = openFile(undefined, "/etc/passwd", openFlags.readOnly);
  const [ours, theirs] = socketPair("channel");
  using _ours = ours;
  using channel = theirs;
  expect(() => vforkExec(program, ["x"], channel)).toThrow(SyscallError);
  try {
    vforkExec(program, ["x"], channel);
  } catch (thrown) {
    expect(thrown).toMatchObject({ code: "EACCES", syscall: "execveat" });
  }
});
