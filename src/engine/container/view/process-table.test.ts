import { expect, test } from "bun:test";
import { parseStat } from "../../../linux/proc.ts";
import { processTable, rowsOfPs } from "./process-table.ts";

const stat = (
  pid: number,
  name: string,
  fields: { state?: string; tty?: number; ticks?: number; start?: number },
) => {
  const { state = "S", tty = 0, ticks = 0, start = 0 } = fields;
  const rest = [
    state,
    1,
    pid,
    pid,
    tty,
    ...Array(6).fill(0),
    ticks,
    0,
    ...Array(6).fill(0),
    start,
    ...Array(30).fill(0),
  ];
  const parsed = parseStat(`${pid} (${name}) ${rest.join(" ")}`);
  if (parsed === undefined) throw new Error("malformed");
  return parsed;
};

test("a row has what ps -ef says of a process", () => {
  const boot = new Date(2024, 0, 1, 8, 0).getTime();
  const now = new Date(2024, 0, 1, 20, 30).getTime();
  const table = processTable(
    [
      {
        stat: stat(7, "sh", { tty: 0x8803, ticks: 366_100, start: 360_000 }),
        user: "root",
        command: ["sh", "-c", "a b"],
      },
      { stat: stat(8, "gone", { state: "Z" }), user: "1000", command: [] },
    ],
    boot,
    now,
  );
  expect(table.titles).toEqual(["UID", "PID", "PPID", "C", "STIME", "TTY", "TIME", "CMD"]);
  expect(table.rows).toEqual([
    ["root", "7", "1", "8", "09:00", "pts/3", "01:01:01", "sh -c a b"],
    ["1000", "8", "1", "0", "08:00", "?", "00:00:00", "[gone] <defunct>"],
  ]);
  const later = new Date(2024, 2, 3, 0, 0).getTime();
  const dates = processTable([{ stat: stat(7, "sh", {}), user: "root", command: [] }], boot, later).rows;
  expect(dates[0]?.[4]).toBe("Jan01");
  const nextYear = new Date(2025, 2, 3, 0, 0).getTime();
  expect(
    processTable([{ stat: stat(7, "sh", {}), user: "root", command: [] }], boot, nextYear).rows[0]?.[4],
  ).toBe("2024");
});

test("of what ps prints only the container's processes count, and arguments stay together", () => {
  const output = "  PID USER     COMMAND\n    1 root     init\n   42 nobody   sh -c sleep 1\n";
  expect(rowsOfPs(output, new Set([42]))).toEqual({
    titles: ["PID", "USER", "COMMAND"],
    rows: [["42", "nobody", "sh -c sleep 1"]],
  });
  expect(rowsOfPs("USER COMMAND\nroot init\n", new Set([1]))).toBeUndefined();
});
