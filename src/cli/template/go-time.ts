/** Times as a Go program prints them. Pure. */

const form = /^(\d{4}-\d\d-\d\d)T(\d\d:\d\d:\d\d)(?:\.(\d{1,9}))?(Z|[+-]\d\d:\d\d)$/;
const zero = "0001-01-01 00:00:00 +0000 UTC";

/** `2026-11-23 14:46:43.5 +0100 +0100` for a time as JSON has it; a text that is none is Go's first time. */
export function goTimeText(value: unknown): string {
  const [, day, clock, fraction = "", zone = ""] = form.exec(String(value)) ?? [];
  if (day === undefined) return zero;
  const digits = fraction.replace(/0+$/, "");
  const offset = zone === "Z" ? "+0000" : zone.replace(":", "");
  return `${day} ${clock}${digits === "" ? "" : `.${digits}`} ${offset} ${zone === "Z" || offset === "+0000" ? "UTC" : offset}`;
}

/** A time as Go's encoder writes it: without zeros at the end of its fraction. */
export function goTimeJson(value: unknown): string {
  const [, day, clock, fraction = "", zone = ""] = form.exec(String(value)) ?? [];
  if (day === undefined) return "0001-01-01T00:00:00Z";
  const digits = fraction.replace(/0+$/, "");
  return `${day}T${clock}${digits === "" ? "" : `.${digits}`}${zone}`;
}

const months = [
  "January",
  "February",
  "March",
  "April",
  "May",
  "June",
  "July",
  "August",
  "September",
  "October",
  "November",
  "December",
];

/** A time as Go source writes it. */
export function goTimeSource(value: unknown): string {
  const [, day = "1-01-01", clock = "00:00:00", fraction = ""] = form.exec(String(value)) ?? [];
  const [year = 1, month = 1, date = 1] = day.split("-").map(Number);
  const nanoseconds = Number(fraction.padEnd(9, "0"));
  const parts = [year, `time.${months[month - 1]}`, date, ...clock.split(":").map(Number), nanoseconds];
  return `time.Date(${parts.join(", ")}, time.UTC)`;
}

/** Nanoseconds since 1970; undefined for a text that is no time. */
export function goTimeUnixNano(value: unknown): bigint | undefined {
  const [, day, clock, fraction = "", zone = ""] = form.exec(String(value)) ?? [];
  if (day === undefined) return undefined;
  return BigInt(Date.parse(`${day}T${clock}${zone}`)) * 1_000_000n + BigInt(fraction.padEnd(9, "0"));
}
