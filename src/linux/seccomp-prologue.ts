/**
 * A few classic BPF instructions in front of the program that libseccomp makes:
 *
 * - A call newer than everything the profile knows gets ENOSYS instead of the profile's refusal: a C library that
 *   tries a new call first falls back on ENOSYS, but takes EPERM for an answer.
 * - Calls that the profile allows but the installed libseccomp has never heard of are allowed by number.
 */
import {
  encodeFilter,
  type FilterInstruction,
  filterCodes,
  filterInstruction,
  filterWords,
} from "./filter/mod.ts";

/** Since 5.x new calls have one number on every architecture; these came after libseccomp 2.5. */
export const lateSyscalls: Readonly<Record<string, number>> = {
  cachestat: 451,
  fchmodat2: 452,
  map_shadow_stack: 453,
  futex_wake: 454,
  futex_wait: 455,
  futex_requeue: 456,
  statmount: 457,
  listmount: 458,
  lsm_get_self_attr: 459,
  lsm_set_self_attr: 460,
  lsm_list_modules: 461,
  mseal: 462,
  setxattrat: 463,
  getxattrat: 464,
  listxattrat: 465,
  removexattrat: 466,
  open_tree_attr: 467,
  file_getattr: 468,
  file_setattr: 469,
};

export interface PrologueArchitecture {
  /** AUDIT_ARCH_*. */
  readonly auditNumber: number;
  /** The highest number that the profile names there. */
  readonly highestKnown: number;
  /** x86_64 only: the profile has rules for x32 calls too, so their large numbers are not new calls. */
  readonly withX32?: boolean;
}

export interface LateRule {
  readonly number: number;
  /** What the filter returns. */
  readonly action: number;
}

/** x32 calls come under the x86_64 architecture with this bit. */
const x32Bit = 0x4000_0000;
const errnoEnosys = 0x0005_0000 | 38;

/** The prologue; it ends by falling into the program that is put behind it. */
export function seccompPrologue(
  architectures: readonly PrologueArchitecture[],
  late: readonly LateRule[],
): Uint8Array {
  const blocks = architectures.map((architecture) => architectureBlock(architecture, late));
  const program: FilterInstruction[] = [filterInstruction(filterCodes.loadWord, filterWords.architecture)];
  let behind = blocks.reduce((sum, block) => sum + block.length + 3, 0);
  for (const [index, block] of blocks.entries()) {
    const auditNumber = architectures[index]?.auditNumber ?? 0;
    behind -= block.length + 3;
    // Not this architecture: over the block and its way out, to the next question.
    program.push(filterInstruction(filterCodes.jumpIfEqual, auditNumber, 1, 0));
    program.push(filterInstruction(filterCodes.jump, block.length + 1));
    program.push(...block);
    program.push(filterInstruction(filterCodes.jump, behind));
  }
  return encodeFilter(program);
}

function architectureBlock(
  architecture: PrologueArchitecture,
  late: readonly LateRule[],
): FilterInstruction[] {
  const block = [filterInstruction(filterCodes.loadWord, filterWords.number)];
  const highest = late.reduce((high, rule) => Math.max(high, rule.number), architecture.highestKnown);
  const tail: FilterInstruction[] = [];
  for (const rule of late) {
    tail.push(
      filterInstruction(filterCodes.jumpIfEqual, rule.number, 0, 1),
      filterInstruction(filterCodes.result, rule.action),
    );
  }
  tail.push(
    filterInstruction(filterCodes.jumpIfGreater, highest, 0, 1),
    filterInstruction(filterCodes.result, errnoEnosys),
  );
  if (architecture.withX32 === true) {
    block.push(
      filterInstruction(filterCodes.jumpIfAtLeast, x32Bit, 0, 1),
      filterInstruction(filterCodes.jump, tail.length),
    );
  }
  return [...block, ...tail];
}
