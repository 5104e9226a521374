/** A container's start in words: operations, who asked for them, how long they took. */
export {
  explainContainer,
  explainDifferenceOf,
  explainRemovalOf,
  traceContainer,
  traceOfNextStart,
} from "./explain-container.ts";
