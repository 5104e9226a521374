/** The table that is printed at the end: a row for each figure, the engines beside each other, and what is wanted. */
import { recordFigure } from "./record.ts";
import { median } from "./timing.ts";

export interface Wanted {
  /** Our time is at most this share of a peer's. */
  readonly shares?: Readonly<Record<string, number>>;
  /** Ours is at most this, in the row's own unit. */
  readonly most?: number;
}

interface Figure {
  readonly title: string;
  readonly unit: string;
  readonly wanted: Wanted;
  readonly samples: Map<string, number[]>;
}

const ours = "tiffin";
const titleWidth = 48;
const cellWidth = 12;

export class Figures {
  readonly #figures = new Map<string, Figure>();

  add(title: string, engine: string, value: number, wanted: Wanted, unit = "ms"): void {
    const figure = this.#figures.get(title) ?? { title, unit, wanted, samples: new Map<string, number[]>() };
    this.#figures.set(title, figure);
    figure.samples.set(engine, [...(figure.samples.get(engine) ?? []), value]);
  }

  print(engines: readonly string[]): void {
    const cells = engines.map((name) => name.padStart(cellWidth)).join("");
    console.log(
      `\n${"medians of one interleaved run".padEnd(titleWidth)}${cells}   ours beside what is wanted`,
    );
    for (const { title, unit, wanted, samples } of this.#figures.values()) {
      const medians = new Map(Array.from(samples, ([name, values]) => [name, median(values)]));
      for (const [name, value] of medians) recordFigure({ title, name, unit, median: value });
      const own = medians.get(ours) ?? Number.NaN;
      const shown = engines.map((name) => {
        const value = medians.get(name);
        return (value === undefined ? "" : `${value.toFixed(value < 100 ? 1 : 0)} ${unit}`).padStart(
          cellWidth,
        );
      });
      const verdicts = Object.entries(wanted.shares ?? {}).flatMap(([peer, share]) => {
        const theirs = medians.get(peer);
        if (theirs === undefined) return [];
        return [
          `${verdict(own <= theirs * share)} 1/${(theirs / own).toFixed(1)} of ${peer}'s (${fraction(share)})`,
        ];
      });
      if (wanted.most !== undefined)
        verdicts.push(`${verdict(own <= wanted.most)} (at most ${wanted.most} ${unit})`);
      console.log(`${title.padEnd(titleWidth)}${shown.join("")}   ${verdicts.join(", ")}`);
    }
  }
}

function fraction(share: number): string {
  return `1/${(1 / share).toFixed(0)}`;
}

function verdict(good: boolean): string {
  return good ? "met:" : "MISSED:";
}
