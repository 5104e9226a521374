/** One thing that containers want of a machine: what was found, and what follows from it. */

export const verdicts = ["ok", "limited", "missing"] as const;
export type Verdict = (typeof verdicts)[number];

export interface Check {
  /** Stable, for programs: `cgroup.memory`. */
  readonly id: string;
  readonly title: string;
  readonly verdict: Verdict;
  readonly found: string;
  /** What does not work; empty when all is well. */
  readonly consequence: string;
  /** What to do about it; empty when all is well. */
  readonly remedy: string;
}

export interface CheckGroup {
  readonly title: string;
  readonly checks: readonly Check[];
}

export function fine(id: string, title: string, found: string): Check {
  return { id, title, verdict: "ok", found, consequence: "", remedy: "" };
}

interface Trouble {
  readonly verdict: Exclude<Verdict, "ok">;
  readonly found: string;
  readonly consequence: string;
  readonly remedy: string;
}

/** Well when `isWell`, in trouble otherwise. */
export function check(id: string, title: string, isWell: boolean, found: string, trouble: Trouble): Check {
  return isWell ? fine(id, title, found) : { id, title, ...trouble };
}

/** The worst of all: its place in `verdicts` is the exit code. */
export function worstOf(groups: readonly CheckGroup[]): Verdict {
  const found = groups.flatMap(({ checks }) => checks.map(({ verdict }) => verdicts.indexOf(verdict)));
  return verdicts[Math.max(0, ...found)] ?? "ok";
}
