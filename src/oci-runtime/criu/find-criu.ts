/** Which criu a command uses. */
import { exists } from "../../kernel/files.ts";
import { TiffinError } from "../../lib/errors.ts";
import type { CriuProgram } from "../../runtime/criu/mod.ts";
import type { CommandContext } from "../command.ts";
import { absolutePath, NotHere } from "../host/host.ts";

/** Where the caller's PATH has a program. */
export function findProgram(name: string, { env }: Pick<CommandContext["host"], "env">): string | undefined {
  const directories = (env["PATH"] ?? "").split(":").filter((each) => each.startsWith("/"));
  return directories.map((each) => `${each}/${name}`).find((path) => exists(path));
}

/**
 * The program of `--criu`, or `criu` on the caller's PATH. Throws `unavailable` when there is none, `forbidden` for an
 * ordinary user.
 */
export function findCriu({ criu, host }: Pick<CommandContext, "criu" | "host">): CriuProgram {
  // criu reaches into its caller's descriptors, and makes the restored process a child of it.
  if (host.procName !== "self") throw new NotHere("criu needs the process that was called");
  if (host.uid !== 0) {
    throw new TiffinError(
      "forbidden",
      "runtime.criu-rights",
      "cannot checkpoint or restore: criu works for root alone",
    );
  }
  const search = host.env["PATH"] ?? "";
  // criu itself calls ip, tar and iptables.
  const env = [`PATH=${search === "" ? "/usr/sbin:/usr/bin:/sbin:/bin" : search}`];
  const given = criu?.includes("/") === true ? absolutePath(criu, host) : undefined;
  const path = given === undefined ? findProgram(criu ?? "criu", host) : given;
  if (path !== undefined && exists(path)) return { path, env };
  throw new TiffinError(
    "unavailable",
    "runtime.no-criu",
    `cannot checkpoint or restore: ${criu === undefined ? "criu is not installed" : `there is no ${criu}`}`,
    { remedy: "install the package criu, or name the program with --criu" },
  );
}
