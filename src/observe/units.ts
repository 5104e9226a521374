/** Numbers with their units, as people read them. Pure. */

const binary = ["B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];

/** `1.5 MiB`; exact below 1 KiB. */
export function bytesText(bytes: number): string {
  let value = bytes;
  let unit = 0;
  while (value >= 1024 && unit < binary.length - 1) {
    value /= 1024;
    unit += 1;
  }
  return `${unit === 0 || value >= 100 ? Math.round(value) : Number(value.toFixed(1))} ${binary[unit] ?? "B"}`;
}

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** `250 ms`, `12.5 s`, `3 min 20 s`, `2 h 5 min`, `4 d 3 h`. */
export function secondsText(seconds: number): string {
  if (seconds < 1) return `${Number((seconds * 1000).toFixed(seconds < 0.01 ? 2 : 0))} ms`;
  if (seconds < minute) return `${Number(seconds.toFixed(2))} s`;
  const whole = Math.floor(seconds);
  if (whole < hour) return `${Math.floor(whole / minute)} min ${whole % minute} s`;
  if (whole < day) return `${Math.floor(whole / hour)} h ${Math.floor((whole % hour) / minute)} min`;
  return `${Math.floor(whole / day)} d ${Math.floor((whole % day) / hour)} h`;
}

export function plural(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`;
}

/** A number that may be greater than what JSON numbers hold exactly. */
export function exactNumber(text: string): number | string {
  const value = Number(text);
  return Number.isSafeInteger(value) || (text.includes(".") && Number.isFinite(value)) ? value : text;
}
