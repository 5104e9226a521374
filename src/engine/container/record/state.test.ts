import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { type ContainerState, endingOf, type Status, tokenOf, transition, transitions } from "./state.ts";

const ending = {
  exitCode: 3,
  oomKilled: false,
  startedAtMs: 1,
  finishedAtMs: 2,
  error: "",
  requested: false,
};
const samples: Record<Status, ContainerState> = {
  created: { status: "created" },
  starting: { status: "starting", token: "t", endpoints: [], ports: [], before: null },
  running: { status: "running", token: "t", endpoints: [], ports: [], pid: 7, startedAtMs: 1 },
  paused: { status: "paused", token: "t", endpoints: [], ports: [], pid: 7, startedAtMs: 1 },
  exited: { status: "exited", ending },
  restarting: { status: "restarting", ending },
  removing: { status: "removing", ending },
  dead: { status: "dead", ending },
};

test("every pair of states is allowed exactly when the table lists it", () => {
  for (const from of Object.values(samples)) {
    for (const to of Object.values(samples)) {
      const allowed: readonly Status[] = transitions[from.status];
      if (allowed.includes(to.status)) {
        expect(transition("c", from, to)).toBe(to);
      } else {
        let thrown: unknown;
        try {
          transition("c", from, to);
        } catch (error) {
          thrown = error;
        }
        expect(thrown instanceof TiffinError && thrown.kind === "conflict" && thrown.code).toBe(
          "container.state",
        );
      }
    }
  }
});

test("a container can always be brought to an end and removed", () => {
  const reaches = (from: Status, goal: Status): boolean => {
    const seen = new Set<Status>([from]);
    for (const status of seen) for (const next of transitions[status]) seen.add(next);
    return seen.has(goal);
  };
  for (const status of Object.keys(samples) as Status[]) expect(reaches(status, "removing")).toBe(true);
});

test("only states with a supervisor have a token, only ended ones an ending", () => {
  expect(Object.values(samples).map(tokenOf)).toEqual([null, "t", "t", "t", null, null, null, null]);
  expect(Object.values(samples).map(endingOf)).toEqual([
    null,
    null,
    null,
    null,
    ending,
    ending,
    ending,
    ending,
  ]);
});
