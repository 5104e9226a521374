/**
 * What a run of the bench has measured, on which machine, as a document: written beside the printed tables, compared with an
 * earlier one, drawn as a picture.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import type { MachineFacts, Quiet } from "./machine.ts";

export interface FigureRecord {
  /** Which part of the bench, `start` say. */
  readonly section: string;
  /** The table's heading. */
  readonly title: string;
  /** Who, or what, the figure is of. */
  readonly name: string;
  readonly unit: string;
  readonly median: number;
  readonly least?: number;
  readonly p90?: number;
  readonly rounds?: number;
}

export interface RunRecord {
  readonly when: string;
  readonly machine: MachineFacts;
  readonly quiet: Quiet;
  readonly figures: readonly FigureRecord[];
}

const figures: FigureRecord[] = [];
let section = "";

/** What is recorded from here on belongs to this part. */
export function beginSection(name: string): void {
  section = name;
}

export function recordFigure(figure: Omit<FigureRecord, "section">): void {
  figures.push({ section, ...figure });
}

export function recorded(): readonly FigureRecord[] {
  return figures;
}

export function writeRecord(path: string, record: RunRecord): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, `${JSON.stringify(record, null, 2)}\n`);
}

function isRecord(value: unknown): value is RunRecord {
  return typeof value === "object" && value !== null && "figures" in value && Array.isArray(value.figures);
}

/** Throws what is wrong with the file. */
export function readRecord(path: string): RunRecord {
  const value: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isRecord(value)) throw new Error(`${path} is no record of a run: it has no list "figures"`);
  return value;
}

const keyOf = ({ section: part, title, name }: FigureRecord): string => `${part}\n${title}\n${name}`;

/** Beyond this, up or down, two medians are called different. */
const sameWithin = 1.1;

/** A line for each figure that both runs have; who is more than a tenth slower or faster is marked. */
export function comparison(before: RunRecord, now: readonly FigureRecord[]): string[] {
  const earlier = new Map(before.figures.map((figure) => [keyOf(figure), figure]));
  return now.flatMap((figure) => {
    const old = earlier.get(keyOf(figure));
    if (old === undefined || old.unit !== figure.unit || !(old.median > 0)) return [];
    const ratio = figure.median / old.median;
    const mark = ratio > sameWithin ? "  MORE" : ratio < 1 / sameWithin ? "  less" : "";
    const values = `${old.median.toFixed(2).padStart(10)} -> ${figure.median.toFixed(2).padStart(9)} ${figure.unit}`;
    return [`  ${`${figure.section}: ${figure.name}`.padEnd(52)}${values}  x ${ratio.toFixed(2)}${mark}`];
  });
}
