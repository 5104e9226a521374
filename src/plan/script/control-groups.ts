/** The control groups of a script: its own beside the container's, made, filled and joined. Pure. */
import { quote } from "../../lib/shell-words.ts";
import type { HostOp, Plan } from "../plan.ts";
import type { Say } from "../say/mod.ts";

/** The script's own groups, so that it may run beside the container. */
export function ownGroup(path: string, id: string): string {
  return path.replaceAll(id, `${id.slice(0, 12)}-by-hand`);
}

/** Places of the slots that are control groups: `tasks` files of version 1, the directory of version 2. */
export function groupPlaces({ hostOps, receives }: Plan, id: string): Map<string, string> {
  const places = new Map<string, string>();
  for (const { name } of receives) {
    const hierarchy = name === "cgroup" ? undefined : name.replace(/^cgroup:/, "");
    const made = hostOps.find(
      (op) =>
        op.op === "cgroupCreate" &&
        (hierarchy === undefined
          ? !receives.some((one) => one.name === `cgroup:${op.hierarchy}`)
          : op.hierarchy === hierarchy),
    );
    if (made === undefined || (name !== "cgroup" && !name.startsWith("cgroup:"))) continue;
    const directory = ownGroup(made.target, id);
    places.set(name, quote(name === "cgroup" ? directory : `${directory}/tasks`));
  }
  return places;
}

export function groupLines({ hostOps }: Plan, id: string, say: Say): string[] {
  const lines = [
    `# ${say("Its last process takes a moment to leave.")}`,
    "remove_group() {",
    "  for _ in $(seq 100); do",
    '    rmdir "$1" 2> /dev/null && return 0',
    "    sleep 0.05",
    "  done",
    '  rmdir "$1"',
    "}",
    `# ${say("One word for eval.")}`,
    'quoted() { printf "\'%s\'" "$(printf %s "$1" | sed "s/\'/\'\\\\\\\\\'\'/g")"; }',
    `# ${say("Makes a control group and those above it that are missing; in version 2 its parents pass their controllers on.")}`,
    "group() {",
    '  [ ! -d "$1" ] || return 0',
    '  group "$(dirname "$1")"',
    '  if [ -e "$(dirname "$1")/cgroup.subtree_control" ]; then',
    '    for controller in $(cat "$(dirname "$1")/cgroup.controllers"); do',
    '      echo "+$controller" > "$(dirname "$1")/cgroup.subtree_control" || :',
    "    done 2> /dev/null",
    "  fi",
    '  mkdir "$1"',
    '  later "until rmdir $(quoted "$1"); do sleep 0.05; done 2> /dev/null"',
    "}",
  ];
  if (hostOps.length === 0) return [];
  return [...lines, ...hostOps.flatMap((op) => hostLines(op, id, say))];
}

export function hostLines(op: HostOp, id: string, say: Say): string[] {
  const place = quote(ownGroup(op.target, id));
  switch (op.op) {
    case "cgroupCreate":
      return [
        `group ${place}`,
        `echo ${quote(`${ownGroup(op.target, id)}/cgroup.procs`)} >> "$work/groups"`,
        `[ "$(cat ${place}/cgroup.procs)" = "" ] || fail "${say("this script runs already")}"`,
      ];
    case "cgroupWrite": {
      const tolerant =
        op.tolerate.length === 0
          ? ""
          : ` 2> /dev/null || : # ${say("{0} is tolerated", op.tolerate.join(", "))}`;
      return [`printf %s ${quote(op.value)} > ${place}${tolerant}`];
    }
    case "cgroupDeviceProgram":
      return [`perl "$work/helper.pl" "$machine" devices=${place}=${op.program.toHex()}`];
  }
}

/** The group of version 2 is entered by clone3 in the plan. */
export function intoGroup(plan: Plan, groupOf: ReadonlyMap<string, string>): string[] {
  const place = groupOf.get("cgroup");
  const clone = plan.ops.find((op) => op.op === "clone");
  return place === undefined || clone === undefined ? [] : [`echo 0 > ${place}/cgroup.procs`];
}
