/** Whether the criu of this machine works with its kernel. */

/** Why not, for the name of a skipped test; undefined when it does. */
export function criuProblem(): string | undefined {
  const criu = Bun.which("criu");
  if (criu === null) return "criu is not installed";
  if (process.geteuid?.() !== 0) return "criu needs root";
  const { exitCode, stderr } = Bun.spawnSync([criu, "check"], {
    stdin: "ignore",
    stdout: "ignore",
    stderr: "pipe",
  });
  const said = stderr
    .toString()
    .split("\n")
    .find((line) => line.startsWith("Error"));
  return exitCode === 0 ? undefined : `criu check: ${said ?? exitCode}`;
}
