/**
 * The one executable. Which program it is depends on the name it was called by and on the first word:
 * `tiffin-runtime` is the OCI runtime, `tiffin daemon` the engine, `tiffin lab` the bench, everything else the command line. Each is loaded
 * only when it is wanted, because loading is most of the time that a short command takes.
 */

async function main(): Promise<number> {
  const words = process.argv.slice(2);
  if (process.argv0.endsWith("tiffin-runtime")) return (await import("./runtime.ts")).runRuntime(words);
  if (words[0] === "daemon") return (await import("./daemon.ts")).runDaemon(words.slice(1));
  if (words[0] === "lab") return (await import("./lab.ts")).runBench(words.slice(1));
  if (words[0] === "@bridge") return (await import("./bridge.ts")).runBridge();
  return (await import("./command-line.ts")).runCommandLine(words);
}

process.exit(await main());
