/** The program of a container: what the kernel takes as strings, paths, names and limits. Pure. */
import { ulimitNames } from "../../../docker/ulimit-names.ts";
import { refuse } from "./refuse.ts";
import type { ContainerSpecification, ProcessSpecification } from "./specification.ts";
import { printable, shown, validatePath, validateStrings } from "./words.ts";

/** `ownName` is what the host is called, by whatever rules: a container that shares its name may have it. */
export function checkProcess(
  { process, domainname, hostname }: ContainerSpecification,
  ownName: string,
): void {
  if (process.arguments.length === 0) refuse("no-command", "no command specified");
  for (const entry of process.environment) {
    if (entry === "" || entry.startsWith("=")) {
      refuse("environment", `invalid environment variable: ${entry}`);
    }
  }
  const { directory } = process;
  if (directory !== "" && !directory.startsWith("/")) {
    refuse(
      "working-directory",
      `the working directory '${directory}' is invalid, it needs to be an absolute path`,
    );
  }
  validateStrings("command", process.arguments);
  validateStrings("environment", process.environment);
  validatePath("working directory", directory);
  checkNames(hostname === ownName ? "" : hostname, domainname);
  checkLimits(process);
}

const hostnamePattern = /^[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?(\.[a-zA-Z0-9]([a-zA-Z0-9-]*[a-zA-Z0-9])?)*$/;
const longestHostname = 63;
/** The kernel's __NEW_UTS_LEN. */
const longestDomain = 64;

function checkNames(hostname: string, domainname: string): void {
  if (hostname !== "" && (!hostnamePattern.test(hostname) || hostname.length > longestHostname)) {
    refuse("hostname", `invalid hostname format: ${hostname}`);
  }
  if (Buffer.byteLength(domainname) > longestDomain || !printable.test(domainname)) {
    refuse(
      "domainname",
      `invalid domain name ${shown(domainname)}: wanted at most ${longestDomain} bytes without spaces`,
    );
  }
}

function checkLimits({ limits, oomScoreAdjust }: ProcessSpecification): void {
  if (oomScoreAdjust < -1000 || oomScoreAdjust > 1000) {
    refuse("oom-score-adj", `Invalid value ${oomScoreAdjust}, range for oom score adj is [-1000, 1000]`);
  }
  for (const { name, soft, hard } of limits) {
    if (!ulimitNames.includes(name)) refuse("ulimit", `invalid ulimit type: ${name}`);
    if (soft < -1 || hard < -1) {
      refuse("ulimit", `invalid ulimit ${name}: limits are numbers from 0, or -1 for none`);
    }
    if (hard !== -1 && (soft === -1 || soft > hard)) {
      refuse("ulimit", `ulimit soft limit must be less than or equal to hard limit: ${soft} > ${hard}`);
    }
  }
}
