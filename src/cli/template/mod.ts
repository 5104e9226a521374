/** Go's text/template as Docker's users know it. A chunk of its own: only a command with a template loads it. */
import { dockerFunctions } from "./docker-functions.ts";
import { type FunctionTable, goFunctions } from "./function-table.ts";
import { type ParsedTemplate, parseTemplate } from "./parser.ts";
import { runTemplate } from "./run.ts";

export type { FunctionTable } from "./function-table.ts";
export { TemplateError } from "./template-error.ts";
export { goDocument } from "./value.ts";

const functions: FunctionTable = { ...goFunctions, ...dockerFunctions };

/** For the headings of a table: Docker's functions change values, not what stands above them. */
export const headingFunctions: FunctionTable = Object.fromEntries(
  Object.entries(dockerFunctions).map(([name, { parameters }]) => [
    name,
    { parameters: parameters.map((type) => (type === "int" ? type : "string")), call: (heading) => heading },
  ]),
);

export interface TemplateOptions {
  /** Go's type of the root value where that is a row of a table, for error texts. */
  readonly rootType?: string;
  /** A key that a map lacks is an error, and not `<no value>`. */
  readonly missingKeyFails?: boolean;
  /** Functions that stand in for those of the same name. */
  readonly instead?: FunctionTable;
}

/** A template that has been read. Its `name` stands in error texts. Throws `TemplateError`. */
export class Template {
  readonly #parsed: ParsedTemplate;

  constructor(source: string, name = "") {
    this.#parsed = parseTemplate(name, source, (called) => Object.hasOwn(functions, called));
  }

  run(value: unknown, { rootType, missingKeyFails = false, instead }: TemplateOptions = {}): string {
    return runTemplate(this.#parsed, value, {
      functions: { ...functions, ...instead },
      missingKey: missingKeyFails ? "error" : "noValue",
      ...(rootType === undefined ? {} : { rootType }),
    });
  }
}
