/** Numbers as the verbs of Go's fmt write them, without width and sign flags. Pure. */

/** A number as decimal digits: 0.DIGITS times ten to the power of `point`. */
interface Decimal {
  readonly isNegative: boolean;
  readonly digits: string;
  readonly point: number;
}

function withoutTrailingZeros(digits: string): string {
  return digits.replace(/0+$/, "");
}

/** Every digit that the number has in truth: a double is a fraction of a power of two. */
function exactDecimal(value: number): Decimal {
  const isNegative = value < 0 || Object.is(value, -0);
  const { mantissa, exponent } = binaryParts(value);
  const shifted = exponent >= 0 ? mantissa << BigInt(exponent) : mantissa * 5n ** BigInt(-exponent);
  const digits = shifted === 0n ? "" : shifted.toString();
  const point = digits.length - (exponent < 0 ? -exponent : 0);
  return { isNegative, digits: withoutTrailingZeros(digits), point: digits === "" ? 0 : point };
}

/** The fewest digits that say this number and no other. */
function shortestDecimal(value: number): Decimal {
  const [mantissa = "", exponent = "0"] = Math.abs(value).toExponential().split("e");
  const digits = withoutTrailingZeros(mantissa.replace(".", ""));
  return {
    isNegative: value < 0 || Object.is(value, -0),
    digits,
    point: digits === "" ? 0 : Number(exponent) + 1,
  };
}

/** At most `count` digits; a half goes to the even neighbour, as Go does it and JavaScript does not. */
function rounded(decimal: Decimal, count: number): Decimal {
  const { digits, point } = decimal;
  if (count >= digits.length) return decimal;
  if (count < 0) return { ...decimal, digits: "", point: 0 };
  const kept = digits.slice(0, count);
  const rest = digits.slice(count);
  const isOdd = count > 0 && Number(kept[count - 1]) % 2 === 1;
  const goesUp = rest[0] === "5" && /^50*$/.test(rest) ? isOdd : (rest[0] ?? "0") >= "5";
  if (!goesUp) {
    const short = withoutTrailingZeros(kept);
    return { ...decimal, digits: short, point: short === "" ? 0 : point };
  }
  const raised = (BigInt(`0${kept}`) + 1n).toString().padStart(count, "0");
  return {
    ...decimal,
    digits: withoutTrailingZeros(raised),
    point: raised.length > count ? point + 1 : point,
  };
}

function writeExponent({ isNegative, digits, point }: Decimal, fraction: number): string {
  const exponent = digits === "" ? 0 : point - 1;
  const tail = digits.slice(1).padEnd(fraction, "0");
  const mantissa = `${digits[0] ?? "0"}${tail === "" ? "" : `.${tail}`}`;
  // Go writes at least two digits of an exponent.
  const power = String(Math.abs(exponent)).padStart(2, "0");
  return `${isNegative ? "-" : ""}${mantissa}e${exponent < 0 ? "-" : "+"}${power}`;
}

function writeFixed({ isNegative, digits, point }: Decimal, fraction: number): string {
  const whole = point > 0 ? digits.slice(0, point).padEnd(point, "0") : "0";
  const tail = (point > 0 ? digits.slice(point) : "0".repeat(-point) + digits).padEnd(fraction, "0");
  return `${isNegative ? "-" : ""}${whole}${tail === "" ? "" : `.${tail}`}`;
}

/** From this exponent on the shortest form is written with one. */
const shortestLimit = 6;
const least = -4;

/** `%g`: the shortest form that says the number (precision -1), or so many significant digits. */
export function general(value: number, precision: number): string {
  const isShortest = precision < 0;
  const wanted = precision === 0 ? 1 : precision;
  const decimal = isShortest ? shortestDecimal(value) : rounded(exactDecimal(value), wanted);
  const { digits, point } = decimal;
  let limit = wanted;
  if (limit > digits.length && digits.length >= point) limit = digits.length;
  if (isShortest) limit = shortestLimit;
  if (point - 1 < least || point - 1 >= limit) return writeExponent(decimal, 0);
  return writeFixed(decimal, 0);
}

/** `%e`. */
export function scientific(value: number, precision: number): string {
  return writeExponent(rounded(exactDecimal(value), precision + 1), precision);
}

/** `%f`. */
export function fixed(value: number, precision: number): string {
  const decimal = exactDecimal(value);
  return writeFixed(rounded(decimal, decimal.point + precision), precision);
}

/** The mantissa as an integer, and the power of two to multiply it with. */
function binaryParts(value: number): { readonly mantissa: bigint; readonly exponent: number } {
  const view = new DataView(new ArrayBuffer(8));
  view.setFloat64(0, Math.abs(value));
  const bits = view.getBigUint64(0);
  const field = Number(bits >> 52n);
  const fraction = bits & ((1n << 52n) - 1n);
  return {
    mantissa: field === 0 ? fraction : fraction | (1n << 52n),
    exponent: (field === 0 ? 1 : field) - 1075,
  };
}

/** `%x` and `%b` of a float: a power of two. */
export function binaryExponent(value: number, verb: "x" | "b", precision: number): string {
  const sign = value < 0 || Object.is(value, -0) ? "-" : "";
  const parts = binaryParts(value);
  let { mantissa } = parts;
  let exponent = parts.exponent + 52;
  if (verb === "b") return `${sign}${mantissa}p${exponent - 52 >= 0 ? "+" : ""}${exponent - 52}`;
  if (mantissa === 0n) exponent = 0;
  for (; mantissa !== 0n && mantissa < 1n << 52n; mantissa <<= 1n) exponent -= 1;
  let digits = (mantissa & ((1n << 52n) - 1n)).toString(16).padStart(13, "0");
  let whole = mantissa >> 52n;
  if (precision >= 0 && precision < 13) {
    const shift = BigInt(52 - precision * 4);
    const half = 1n << (shift - 1n);
    let kept = mantissa >> shift;
    const rest = mantissa & ((1n << shift) - 1n);
    if (rest > half || (rest === half && (kept & 1n) === 1n)) kept += 1n;
    if (kept >> BigInt(precision * 4) >= 2n) {
      kept >>= 1n;
      exponent += 1;
    }
    whole = kept >> BigInt(precision * 4);
    digits =
      precision === 0
        ? ""
        : (kept & ((1n << BigInt(precision * 4)) - 1n)).toString(16).padStart(precision, "0");
  } else digits = precision < 0 ? digits.replace(/0+$/, "") : digits.padEnd(precision, "0");
  const power = `p${exponent < 0 ? "-" : "+"}${String(Math.abs(exponent)).padStart(2, "0")}`;
  return `${sign}0x${whole}${digits === "" ? "" : `.${digits}`}${power}`;
}
