/** Metrics as text: OpenMetrics 1.0, and the format of Prometheus that is older. Pure. */
import type { HistogramSample } from "./histogram.ts";

export type Labels = Readonly<Record<string, string>>;

interface Described {
  /** Of a counter, without `_total`. */
  readonly name: string;
  readonly help: string;
}

export type Family =
  | (Described & {
      readonly kind: "gauge" | "counter" | "info";
      readonly samples: readonly (readonly [labels: Labels, value: number])[];
    })
  | (Described & {
      readonly kind: "histogram";
      readonly samples: readonly (readonly [labels: Labels, value: HistogramSample])[];
    });

export type MetricsFormat = "openmetrics" | "prometheus";

export const metricsMediaTypes: Readonly<Record<MetricsFormat, string>> = {
  openmetrics: "application/openmetrics-text; version=1.0.0; charset=utf-8",
  prometheus: "text/plain; version=0.0.4; charset=utf-8",
};

function escaped(text: string): string {
  return text.replaceAll("\\", "\\\\").replaceAll("\n", "\\n").replaceAll('"', '\\"');
}

function labelled(name: string, labels: Labels): string {
  const words = Object.entries(labels).map(([key, value]) => `${key}="${escaped(value)}"`);
  return words.length === 0 ? name : `${name}{${words.join(",")}}`;
}

function histogramLines(name: string, labels: Labels, { buckets, count, sum }: HistogramSample): string[] {
  const limits = [
    ...buckets.map(([limit, below]) => [String(limit), below] as const),
    ["+Inf", count] as const,
  ];
  return [
    ...limits.map(([le, below]) => `${labelled(`${name}_bucket`, { ...labels, le })} ${below}`),
    `${labelled(`${name}_count`, labels)} ${count}`,
    `${labelled(`${name}_sum`, labels)} ${sum}`,
  ];
}

function familyLines(family: Family, format: MetricsFormat): string[] {
  const { name, help, kind } = family;
  const old = format === "prometheus";
  const suffix = kind === "counter" ? "_total" : kind === "info" ? "_info" : "";
  const shown = old ? `${name}${suffix}` : name;
  const head = [
    `# HELP ${shown} ${escaped(help)}`,
    `# TYPE ${shown} ${old && kind === "info" ? "gauge" : kind}`,
  ];
  if (kind === "histogram")
    return [...head, ...family.samples.flatMap(([labels, value]) => histogramLines(name, labels, value))];
  return [
    ...head,
    ...family.samples.map(([labels, value]) => `${labelled(`${name}${suffix}`, labels)} ${value}`),
  ];
}

export function renderMetrics(families: readonly Family[], format: MetricsFormat): string {
  const lines = families.flatMap((family) => familyLines(family, format));
  return `${lines.join("\n")}\n${format === "openmetrics" ? "# EOF\n" : ""}`;
}
