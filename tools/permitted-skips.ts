/**
 * What may be skipped where everything is there (`MUST_RUN=1`), because this kind of machine truly lacks it; any other skip is
 * then a failure. One line for each reason: the words by which a test says it, and where it is tested instead.
 */
export interface PermittedSkip {
  /** Matches the full name of a test: those of the groups around it, ` > `, its own. */
  readonly pattern: RegExp;
  readonly reason: string;
}

export const permittedSkips: readonly PermittedSkip[] = [
  {
    pattern: /\(buildx is not built on this machine\)$/,
    reason:
      "minutes of a processor; tools/buildx.sh builds it, an older client and our own test the same services",
  },
  {
    pattern: /^(?:crun|runc): .* \((?!not installed)[\s\S]*\)$/,
    reason: "a peer that fails or cannot do the case proves nothing; ours runs it, or is named below itself",
  },
  {
    pattern:
      /\(systemd does not run on this machine\)$|is a scope of its own systemd \(skipped without one\)$/,
    reason: "PID 1 is another program in most containers; test/vm boots machines with systemd",
  },
  {
    pattern: /\(the machines of test\/vm have these kinds\)$/,
    reason: "802.1Q and ipvlan are modules that cloud kernels leave out; test/vm has them",
  },
  {
    pattern: /\(the kernel has no AppArmor, or it is off\)$/,
    reason: "one security module is on at a time; test/vm has AppArmor",
  },
  {
    pattern: /\((?:the machine has version 1|not on this machine|net_cls and net_prio are not mounted)\)$/,
    reason: "a machine has one layout of cgroups; test/vm has version 2 and two others",
  },
  {
    pattern:
      /(?:^|> )(?:pure cgroup v2 \(skipped where controllers are in v1\)|cgroup v2 alone \(skipped where controllers are in v1\)|in a cgroup v2 directory) > /,
    reason: "controllers are in version 1 here; test/vm has version 2",
  },
  {
    pattern: /\(skipped without cgroup v2 alone\)$/,
    reason: "controllers are in version 1 here; test/vm has version 2",
  },
  {
    pattern: /(?:^|> )(?:the machine of these cases has every controller|the OOM killer is counted)$/,
    reason: "of version 2 with all controllers; test/vm has it",
  },
  {
    pattern: /(?:^|> )on the small machine \(skipped outside of it\) > /,
    reason: "the short round for kernels that are emulated; test/scenario says all of it here",
  },
  {
    pattern: /\(criu check: .*\)$/,
    reason: "CRIU has to know the kernel's vDSO; test/vm has a kernel that it knows",
  },
  {
    pattern:
      /\((?:(?:pip|npm|go|mvn) cannot (?:install|build) it: [\s\S]*|no go is installed|no java with mvn is installed)\)$/,
    reason:
      "a registry of packages out of reach, or a language that is not there, is no fault of what is tested",
  },
  {
    pattern: /(?:^|> )real builds \(TIFFIN_CORPUS=full\) > /,
    reason: "minutes, and packages of Debian's; the same syntax is compared with BuildKit on small bases",
  },
  {
    pattern: /(?:^|> )what is recorded \(TIFFIN_CLIENTS=all\) > /,
    reason: "minutes of Docker's own time; what it did is recorded, and compared with ours in every run",
  },
];

/** Why this test may be skipped, or undefined. */
export function permissionFor(name: string): string | undefined {
  return permittedSkips.find(({ pattern }) => pattern.test(name))?.reason;
}
