/** Filters of system calls as programs of classic BPF: written, read and made shorter. */
export {
  decodeFilter,
  encodeFilter,
  type FilterInstruction,
  filterCodes,
  filterInstruction,
  filterInstructionBytes,
  filterWords,
} from "./instruction.ts";
export { shortenFilter } from "./shorten.ts";
