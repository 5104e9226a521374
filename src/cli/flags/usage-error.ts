/** A command line that cannot be understood. Printed with the command's usage; the exit code is 125. */
export class UsageError extends Error {
  override readonly name = "UsageError";
}

/** The wrong number of arguments; Docker prints this one differently and exits with 1. */
export class ArgumentCountError extends Error {
  override readonly name = "ArgumentCountError";
  /** The word before the pointer to the help: Docker's commands differ in it. */
  readonly pointer: "Run" | "See";

  constructor(message: string, pointer: "Run" | "See") {
    super(message);
    this.pointer = pointer;
  }
}
