/** `lsmod`: modules of the running kernel (proc_modules(5)). */
import { readTextIfPossible } from "../kernel/files.ts";
import { type Cell, type Report, table } from "./report.ts";
import { bytesText, plural } from "./units.ts";

export function modulesReport(): Report {
  const text = readTextIfPossible("/proc/modules");
  const rows = (text ?? "").split("\n").flatMap((line): Cell[][] => {
    const [name, size, users, by = "-", state = ""] = line.split(" ");
    if (name === undefined || size === undefined) return [];
    const dependents = by === "-" ? [] : by.split(",").filter((one) => one !== "");
    return [
      [
        name,
        { value: Number(size), shown: bytesText(Number(size)) },
        Number(users),
        { value: dependents, shown: dependents.length === 0 ? "-" : dependents.join(",") },
        state,
      ],
    ];
  });
  const note =
    text === undefined
      ? "This kernel was built without modules: what it can do is built in."
      : `${plural(rows.length, "module")} loaded; what is built into the kernel is not among them.`;
  return {
    sections: [table("", { name: "MODULE", bytes: "SIZE", users: "USED", by: "BY", state: "STATE" }, rows)],
    notes: [note],
  };
}
