/** Runs a parsed template over a value. Pure. */
import { goPrint, goTruth, isRecord } from "./go-values.ts";
import { templateFunctions } from "./template-functions.ts";
import { TemplateError } from "./template-lexer.ts";
import type { Node, Operand, Pipeline, Stage } from "./template-parser.ts";

/** Thrown through the loop that it belongs to. */
class LoopJump {
  readonly kind: "break" | "continue";

  constructor(kind: "break" | "continue") {
    this.kind = kind;
  }
}

export interface RunOptions {
  /** What a map without the asked key gives: an error naming it, or Go's `<no value>`. */
  readonly missingKey: "error" | "noValue";
}

class TemplateRun {
  readonly #options: RunOptions;
  readonly #variables = new Map<string, unknown>();
  readonly #out: string[] = [];

  constructor(options: RunOptions, root: unknown) {
    this.#options = options;
    this.#variables.set("$", root);
  }

  run(nodes: readonly Node[], dot: unknown): string {
    this.#nodes(nodes, dot);
    return this.#out.join("");
  }

  #nodes(nodes: readonly Node[], dot: unknown): void {
    for (const node of nodes) this.#node(node, dot);
  }

  #node(node: Node, dot: unknown): void {
    switch (node.kind) {
      case "text":
        this.#out.push(node.text);
        break;
      case "print": {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.assigned.length === 0) this.#out.push(goPrint(value));
        break;
      }
      case "if":
      case "with": {
        const value = this.#pipeline(node.pipeline, dot);
        if (!goTruth(value)) this.#nodes(node.otherwise, dot);
        else this.#nodes(node.body, node.kind === "with" ? value : dot);
        break;
      }
      case "range":
        this.#range(node, dot);
        break;
      case "break":
      case "continue":
        throw new LoopJump(node.kind);
    }
  }

  #range(node: Extract<Node, { readonly body: readonly Node[] }>, dot: unknown): void {
    const { stages, assigned } = node.pipeline;
    const value = this.#pipeline({ assigned: [], stages }, dot);
    const entries = entriesOf(value);
    if (entries.length === 0) {
      this.#nodes(node.otherwise, dot);
      return;
    }
    for (const [key, item] of entries) {
      const [first, second] = assigned;
      if (first !== undefined) this.#variables.set(first, second === undefined ? item : key);
      if (second !== undefined) this.#variables.set(second, item);
      try {
        this.#nodes(node.body, item);
      } catch (thrown) {
        if (!(thrown instanceof LoopJump)) throw thrown;
        if (thrown.kind === "break") return;
      }
    }
  }

  #pipeline(pipeline: Pipeline, dot: unknown): unknown {
    let value: unknown;
    let piped: readonly unknown[] = [];
    for (const stage of pipeline.stages) {
      value = this.#stage(stage, dot, piped);
      piped = [value];
    }
    for (const name of pipeline.assigned) this.#variables.set(name, value);
    return value;
  }

  #stage(stage: Stage, dot: unknown, piped: readonly unknown[]): unknown {
    const [head, ...rest] = stage;
    if (head === undefined) return undefined;
    if (head.kind === "function" && (head.name === "and" || head.name === "or")) {
      return this.#shortCircuit(head.name, rest, dot, piped);
    }
    const args = [...rest.map((operand) => this.#operand(operand, dot, [])), ...piped];
    if (args.length > 0 && head.kind === "literal") {
      throw new TemplateError(`can't give argument to non-function ${goPrint(head.value)}`);
    }
    return this.#operand(head, dot, args);
  }

  /** `and` gives the first false operand, `or` the first true one, else the last; the rest is not evaluated. */
  #shortCircuit(
    name: "and" | "or",
    operands: readonly Operand[],
    dot: unknown,
    piped: readonly unknown[],
  ): unknown {
    let value: unknown;
    for (const operand of operands) {
      value = this.#operand(operand, dot, []);
      if (goTruth(value) === (name === "or")) return value;
    }
    return piped.length > 0 ? piped[0] : value;
  }

  #operand(operand: Operand, dot: unknown, args: readonly unknown[]): unknown {
    switch (operand.kind) {
      case "literal":
        return operand.value;
      case "field":
        return this.#walk(dot, operand.path, args);
      case "variable": {
        if (!this.#variables.has(operand.name))
          throw new TemplateError(`undefined variable ${JSON.stringify(operand.name)}`);
        return this.#walk(this.#variables.get(operand.name), operand.path, args);
      }
      case "pipeline":
        return this.#walk(this.#pipeline(operand.pipeline, dot), operand.path, args);
      case "function": {
        const call = Object.hasOwn(templateFunctions, operand.name)
          ? templateFunctions[operand.name]
          : undefined;
        if (call === undefined)
          throw new TemplateError(`function ${JSON.stringify(operand.name)} not defined`);
        return call(...args);
      }
    }
  }

  #walk(start: unknown, path: readonly string[], args: readonly unknown[]): unknown {
    let value = start;
    for (const [index, name] of path.entries()) {
      value = this.#field(value, name, path.slice(0, index + 1), index === path.length - 1 ? args : []);
    }
    return value;
  }

  #field(value: unknown, name: string, path: readonly string[], args: readonly unknown[]): unknown {
    const shown = `.${path.join(".")}`;
    if (value === undefined || value === null) {
      throw new TemplateError(
        `executing "" at <${shown}>: nil data; no entry for key ${JSON.stringify(name)}`,
      );
    }
    if (!isRecord(value)) {
      throw new TemplateError(
        `executing "" at <${shown}>: can't evaluate field ${name} in type ${typeof value}`,
      );
    }
    if (!Object.hasOwn(value, name)) {
      if (this.#options.missingKey === "noValue") return undefined;
      throw new TemplateError(`executing "" at <${shown}>: map has no entry for key ${JSON.stringify(name)}`);
    }
    const found = value[name];
    return typeof found === "function" ? Reflect.apply(found, undefined, args) : found;
  }
}

function entriesOf(value: unknown): [unknown, unknown][] {
  if (Array.isArray(value)) return [...value.entries()];
  if (isRecord(value))
    return Object.keys(value)
      .sort()
      .map((key) => [key, value[key]]);
  if (typeof value === "number") return Array.from({ length: value }, (_none, index) => [index, index]);
  if (value === undefined || value === null) return [];
  throw new TemplateError(`range can't iterate over ${goPrint(value)}`);
}

/** The text that `nodes` produce for `value`. Throws `TemplateError`. */
export function runTemplate(nodes: readonly Node[], value: unknown, options: RunOptions): string {
  return new TemplateRun(options, value).run(nodes, value);
}
