/** Java programs with the jars that test/compat/programs/java/pom.xml names, in a directory that stays from run to run. */
import { existsSync, readFileSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

const programs = join(import.meta.dir, "../compat/programs/java");
const description = join(programs, "pom.xml");
/** Of an exact version, as the jars are; it is fetched as they are. */
const copying = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";

export type JavaPackages =
  | { readonly command: (program: string, ...options: readonly string[]) => readonly string[] }
  /** Why there are none. */
  | { readonly missing: string };

/** Programs run from their source, as `java` does since 11. A registry out of reach is no failure of what is tested. */
export function javaPackages(): JavaPackages {
  if (Bun.which("java") === null || Bun.which("mvn") === null)
    return { missing: "no java with mvn is installed" };
  const state = Bun.hash(readFileSync(description)).toString(16);
  const directory = join(import.meta.dir, "../../.build", `java-${state}`);
  if (!existsSync(directory)) {
    const unfinished = `${directory}.${process.pid}`;
    const mvn = Bun.spawnSync(
      ["mvn", "--quiet", "--batch-mode", "--file", description, copying, `-DoutputDirectory=${unfinished}`],
      { stdin: "ignore", stdout: "pipe", stderr: "ignore", timeout: 120_000 },
    );
    if (mvn.exitCode !== 0) {
      rmSync(unfinished, { recursive: true, force: true });
      const said = mvn.stdout.toString().trim().split("\n")[0] ?? "";
      return { missing: `mvn cannot install it: ${said}` };
    }
    renameSync(unfinished, directory);
  }
  return {
    command: (program, ...options) => [
      "java",
      ...options,
      "-cp",
      join(directory, "*"),
      join(programs, program),
    ],
  };
}

/** The version of an artifact that the programs use. */
export function javaPackageVersion(artifact: string): string {
  const found = new RegExp(`<artifactId>${artifact}</artifactId>\\s*<version>([^<]+)</version>`).exec(
    readFileSync(description, "utf8"),
  )?.[1];
  if (found === undefined) throw new Error(`pom.xml does not name ${artifact}`);
  return found;
}
