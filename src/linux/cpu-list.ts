/** Lists of processors and memory nodes as the kernel and Docker write them: `0-2,7`. */

/** No machine has more; a longer range in a request is an attack or a mistake. */
const highestNumber = 8191;

/** The numbers of a list, ascending, each once. Undefined when it is malformed; an empty text is no number. */
export function parseCpuList(text: string): number[] | undefined {
  const numbers = new Set<number>();
  const trimmed = text.trim();
  if (trimmed === "") return [];
  for (const part of trimmed.split(",")) {
    const match = /^(\d{1,4})(?:-(\d{1,4}))?$/.exec(part.trim());
    if (match === null) return undefined;
    const first = Number(match[1]);
    const last = Number(match[2] ?? match[1]);
    if (last < first || last > highestNumber) return undefined;
    for (let number = first; number <= last; number += 1) numbers.add(number);
  }
  return [...numbers].sort((a, b) => a - b);
}

/** The shortest list for the numbers: `0-2,7`. */
export function formatCpuList(numbers: Iterable<number>): string {
  const sorted = [...new Set(numbers)].sort((a, b) => a - b);
  const parts: string[] = [];
  for (let index = 0; index < sorted.length; ) {
    const first = sorted[index] ?? 0;
    let last = first;
    while (sorted[index + 1] === last + 1) {
      last += 1;
      index += 1;
    }
    parts.push(first === last ? String(first) : `${first}-${last}`);
    index += 1;
  }
  return parts.join(",");
}
