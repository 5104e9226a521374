/** Whether a text is an address, as Go's net.ParseIP reads it. Pure. */

const byte = /^(?:0|[1-9][0-9]{0,2})$/;

export function isIpv4(text: string): boolean {
  const bytes = text.split(".");
  return bytes.length === 4 && bytes.every((each) => byte.test(each) && Number(each) <= 255);
}

const group = /^[0-9a-fA-F]{1,4}$/;
const groupCount = 8;

/** How many groups of 16 bits a colon-separated list stands for; undefined when it is malformed. */
function groupsIn(text: string, endsAddress: boolean): number | undefined {
  if (text === "") return 0;
  const groups = text.split(":");
  const last = groups.at(-1) ?? "";
  const embedded = endsAddress && last.includes(".");
  if (embedded && !isIpv4(last)) return undefined;
  const plain = embedded ? groups.slice(0, -1) : groups;
  if (!plain.every((each) => group.test(each))) return undefined;
  return plain.length + (embedded ? 2 : 0);
}

export function isIpv6(text: string): boolean {
  const halves = text.split("::");
  const [head = "", tail] = halves;
  if (halves.length > 2) return false;
  const before = groupsIn(head, tail === undefined);
  if (tail === undefined) return before === groupCount;
  const after = groupsIn(tail, true);
  return before !== undefined && after !== undefined && before + after < groupCount;
}

export function isIpAddress(text: string): boolean {
  return isIpv4(text) || isIpv6(text);
}
