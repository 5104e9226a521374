/** One picture of a run: what a person waits for, ours and theirs, as bars. Drawn from the figures of a record and nothing else. */
import type { FigureRecord, RunRecord } from "./record.ts";

interface Group {
  readonly heading: string;
  readonly section: string;
  /** What the table's heading begins with. */
  readonly title: string;
}

const groups: readonly Group[] = [
  { heading: "run --rm IMAGE true, default network", section: "start", title: "run --rm IMAGE true" },
  { heading: "exec CONTAINER true", section: "exec", title: "exec C true" },
  { heading: "ps, 100 containers", section: "commands", title: "ps" },
];

const width = 720;
const labelWidth = 150;
const valueWidth = 130;
const rowHeight = 20;
const headingHeight = 34;
const margin = 16;
const ours = "#2f6f4e";
const theirs = "#b9b4a7";

function escaped(text: string): string {
  return text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}

function whose(name: string): string {
  return name.split(" ")[0] ?? name;
}

function bar(figure: FigureRecord, longest: number, base: number, y: number): string {
  const name = whose(figure.name);
  const length = Math.max(1, ((width - labelWidth - valueWidth - margin * 2) * figure.median) / longest);
  const times = name === "tiffin" ? "" : `  ${(figure.median / base).toFixed(1)} x`;
  const middle = y + rowHeight / 2 + 4;
  return [
    `<text x="${margin}" y="${middle}">${escaped(name)}</text>`,
    `<rect x="${margin + labelWidth}" y="${y + 3}" width="${length.toFixed(1)}" height="${rowHeight - 6}" fill="${name === "tiffin" ? ours : theirs}"/>`,
    `<text x="${(margin + labelWidth + length + 6).toFixed(1)}" y="${middle}">${figure.median.toFixed(1)} ${figure.unit}${times}</text>`,
  ].join("\n");
}

/** SVG. Groups that the run has no figures of are left out. */
export function pictureOf({ when, machine, figures }: RunRecord): string {
  const parts: string[] = [];
  let y = margin;
  for (const { heading, section, title } of groups) {
    const rows = figures.filter((figure) => figure.section === section && figure.title.startsWith(title));
    const base = rows.find(({ name }) => whose(name) === "tiffin")?.median;
    if (base === undefined) continue;
    parts.push(`<text x="${margin}" y="${y + 20}" font-weight="bold">${escaped(heading)}</text>`);
    y += headingHeight;
    const longest = Math.max(...rows.map((row) => row.median));
    for (const row of rows) {
      parts.push(bar(row, longest, base, y));
      y += rowHeight;
    }
    y += margin / 2;
  }
  const { processor, processors, kernel, versions } = machine;
  const peers = Object.entries(versions)
    .filter(([name]) => !["tiffin", "commit"].includes(name))
    .map(([name, version]) => (version.includes(name) ? version : `${name} ${version}`))
    .join(", ");
  for (const line of [`${processors} x ${processor}, Linux ${kernel}, ${when.slice(0, 10)}`, peers]) {
    parts.push(`<text x="${margin}" y="${y + 14}" font-size="11" fill="#666">${escaped(line)}</text>`);
    y += 16;
  }
  const style = 'font-family="ui-sans-serif, system-ui, sans-serif" font-size="13" fill="#222"';
  const background = `<rect width="${width}" height="${y + margin}" fill="#fdfcf8"/>`;
  return `<svg xmlns="http://www.w3.org/2000/svg" width="${width}" height="${y + margin}" ${style}>\n${background}\n${parts.join("\n")}\n</svg>\n`;
}
