/** The figures of a run as a document: one table per section, the machine and what else it did above them. */
import { loadText, noiseOf } from "./machine.ts";
import type { FigureRecord, RunRecord } from "./record.ts";

const digitsBelow = 100;

function shown(value: number | undefined, unit: string): string {
  if (value === undefined) return "";
  return `${value.toFixed(value < digitsBelow ? 2 : 0)} ${unit}`;
}

function rowOf({ name, unit, median, least, p90, rounds }: FigureRecord): string {
  return `| ${name} | ${shown(median, unit)} | ${shown(least, unit)} | ${shown(p90, unit)} | ${rounds ?? ""} |`;
}

/** Markdown. */
export function tableOf({ when, machine, quiet, figures }: RunRecord): string {
  const versions = Object.entries(machine.versions).map(([name, version]) =>
    version.includes(name) ? version : `${name} ${version}`,
  );
  const lines = [
    "# Figures",
    "",
    "Written by `npm run bench:keep`; not by hand. Medians of one interleaved run.",
    "",
    `- ${when.slice(0, 10)}, ${machine.processors} x ${machine.processor}, ${machine.memoryGb} GB, Linux ${machine.kernel}`,
    `- ${versions.join(", ")}`,
    `- ${loadText(quiet)}`,
    ...noiseOf(quiet).map((noise) => `- take these figures with care: ${noise}`),
  ];
  for (const [section, ofSection] of Map.groupBy(figures, (figure) => figure.section)) {
    lines.push("", `## ${section}`);
    for (const [title, ofTitle] of Map.groupBy(ofSection, (figure) => figure.title)) {
      lines.push(
        "",
        `${title}:`,
        "",
        "| what | median | least | p90 | rounds |",
        "| --- | --- | --- | --- | --- |",
      );
      lines.push(...ofTitle.map(rowOf));
    }
  }
  return `${lines.join("\n")}\n`;
}
