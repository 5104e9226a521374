/**
 * What a run of the bench has measured, on which machine, as a document: written beside the printed tables, compared with an
 * earlier one, drawn as a picture.
 */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { readConfiguration } from "../src/lib/configuration.ts";
import { type Decoded, type Decoder, decoderKit } from "../src/lib/decoders.ts";
import { TiffinError } from "../src/lib/errors.ts";
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

const code = "bench.record-invalid";
const { object, integer, list, text } = decoderKit({
  code,
  whole: "record of a run",
  shownLength: 40,
  limitElements: 65_536,
  allowsNul: true,
  nullIsEmpty: false,
});

/** A figure that could not be had is written as null. */
const measured: Decoder<number> = (value, path) => {
  if (value === null) return Number.NaN;
  if (typeof value === "number") return value;
  throw new TiffinError("invalid", code, `invalid ${path}: wanted a number`);
};

/** What is compared of a run; of another program's version there may be more, or less. */
const decodeRecord = object({
  when: text,
  machine: object({ processor: text, processors: integer, kernel: text }),
  figures: list(object({ section: text, title: text, name: text, unit: text, median: measured })),
});

export type EarlierRun = Decoded<typeof decodeRecord>;

/** More than a run of all sections writes, many times. */
const limitBytes = 16 * 1024 * 1024;

/** Throws what is wrong with the file. */
export function readRecord(path: string): EarlierRun {
  const remedy = "give what --json FILE has written, or docs/bench/figures.json";
  const record = readConfiguration(path, { code, decode: decodeRecord, limitBytes, remedy });
  if (record === undefined)
    throw new TiffinError("invalid", code, `${path}: there is no such file`, { remedy });
  return record;
}

/** How often something was done is no part of what it is: a short run is compared with a long one. */
const keyOf = ({ section: part, title, name }: Pick<FigureRecord, "section" | "title" | "name">): string =>
  `${part}\n${title.replace(/ \(\d+ rounds\)/, "")}\n${name}`;

/** Beyond this, up or down, two medians are called different. */
const sameWithin = 1.1;

/** A line for each figure that both runs have; who is more than a tenth slower or faster is marked. */
export function comparison(before: Pick<EarlierRun, "figures">, now: readonly FigureRecord[]): string[] {
  const earlier = new Map(before.figures.map((figure) => [keyOf(figure), figure]));
  const lines = now.flatMap((figure) => {
    const old = earlier.get(keyOf(figure));
    if (old === undefined || old.unit !== figure.unit || !(old.median > 0)) return [];
    const ratio = figure.median / old.median;
    const mark = ratio > sameWithin ? "  MORE" : ratio < 1 / sameWithin ? "  less" : "";
    const values = `${old.median.toFixed(2).padStart(10)} -> ${figure.median.toFixed(2).padStart(9)} ${figure.unit}`;
    return [`  ${`${figure.section}: ${figure.name}`.padEnd(52)}${values}  x ${ratio.toFixed(2)}${mark}`];
  });
  return lines.length > 0 ? lines : ["  none of these figures was taken in that run"];
}
