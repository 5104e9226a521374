/** The form of the table of requirements. Demands are in our words; the specification's own are in its documents. */
export interface Requirement {
  /** Document and section of the specification. */
  readonly section: string;
  readonly level: "MUST" | "SHOULD" | "MAY";
  readonly demand: string;
  /** Names of cases in this folder or, with a path before `: `, elsewhere. */
  readonly cases: readonly string[];
  /** What is not met and why, or why there is no case. */
  readonly note?: string;
}

type Row = readonly [
  level: Requirement["level"],
  demand: string,
  cases: string | readonly string[],
  note?: string | undefined,
];

/** The rows of one section. */
export function section(name: string, rows: readonly Row[]): Requirement[] {
  return rows.map(([level, demand, cases, note]) => ({
    section: name,
    level,
    demand,
    cases: typeof cases === "string" ? [cases] : cases,
    ...(note !== undefined && { note }),
  }));
}
