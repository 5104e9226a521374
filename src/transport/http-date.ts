/** The Date field of replies (RFC 9110 section 6.6.1), rendered once a second. */
import { nowMs } from "../lib/clock.ts";

let renderedSecond = -1;
let rendered = "";

export function httpDate(): string {
  const now = nowMs();
  const second = Math.floor(now / 1000);
  if (second !== renderedSecond) {
    renderedSecond = second;
    rendered = new Date(now).toUTCString();
  }
  return rendered;
}
