/** Runs a parsed template over a value, with the error texts of Go's text/template. Pure. */
import { own } from "../../lib/own.ts";
import { methodNamed } from "./docker-methods.ts";
import {
  FunctionError,
  type FunctionTable,
  methodOf,
  type ParameterType,
  type TemplateFunction,
} from "./function-table.ts";
import { loopEntries } from "./loop-entries.ts";
import {
  type Block,
  type Command,
  type Node,
  nodeText,
  type Operand,
  type Pipeline,
  type TemplateCall,
} from "./node.ts";
import type { ParsedTemplate } from "./parser.ts";
import { goPrint, goShow } from "./printf.ts";
import { goQuote } from "./quote.ts";
import { TemplateError } from "./template-error.ts";
import {
  entryOf,
  fieldNamed,
  fits,
  GoValue,
  holdsAnything,
  isCallable,
  isTrue,
  isTypedNil,
  kindOf,
  pointedTo,
  rowTypeOf,
  typeName,
} from "./value.ts";

export interface RunOptions {
  readonly functions: FunctionTable;
  /** What a map without the asked key gives: an error naming it, or Go's `<no value>`. */
  readonly missingKey: "error" | "noValue";
  /** The root is a struct of this Go type rather than a map, for error texts. */
  readonly rootType?: string;
}

/** No value comes from an earlier stage of the pipeline. */
const nothingPiped = Symbol("nothing piped");

/** Thrown through the loop that it belongs to. */
class LoopJump {
  readonly kind: "break" | "continue";

  constructor(kind: "break" | "continue") {
    this.kind = kind;
  }
}

interface Variable {
  readonly name: string;
  value: unknown;
}

/** Templates that call themselves end here; JavaScript's stack is smaller than Go's. */
const deepestCall = 400;

const literalKinds: Readonly<Record<string, string>> = {
  string: "string",
  int: "integer",
  "[]string": "[]string",
};

class TemplateRun {
  readonly #template: ParsedTemplate;
  readonly #options: RunOptions;
  readonly #root: unknown;
  readonly #out: string[] = [];
  #variables: Variable[] = [];
  #name: string;
  #depth = 0;
  /** The dot is a member of a list or map of anything. */
  #isDotBoxed = false;
  #at: { readonly at: number; readonly shown: () => string } = { at: 0, shown: () => "" };

  constructor(template: ParsedTemplate, root: unknown, options: RunOptions) {
    this.#template = template;
    this.#options = options;
    this.#root = root;
    this.#name = template.name;
    this.#variables = [{ name: "$", value: root }];
  }

  run(): string {
    this.#nodes(this.#template.root, this.#root);
    return this.#out.join("");
  }

  #fail(text: string): never {
    const before = this.#template.source.slice(0, this.#at.at);
    const line = before.split("\n").length;
    const column = Buffer.byteLength(before.slice(before.lastIndexOf("\n") + 1));
    const place = `${this.#template.name}:${line}:${column}`;
    throw new TemplateError(
      `template: ${place}: executing ${goQuote(this.#name)} at <${this.#at.shown()}>: ${text}`,
      this.#out.join(""),
    );
  }

  #mark(node: Operand | Command | TemplateCall): void {
    this.#at = { at: node.at, shown: () => nodeText(node) };
  }

  #nodes(nodes: readonly Node[], dot: unknown): void {
    for (const node of nodes) this.#node(node, dot);
  }

  #node(node: Node, dot: unknown): void {
    switch (node.kind) {
      case "text":
        this.#out.push(node.text);
        break;
      case "action": {
        const value = this.#pipeline(node.pipeline, dot);
        if (node.pipeline.declared.length === 0) this.#print(node.pipeline, value);
        break;
      }
      case "if":
      case "with":
        this.#scoped(() => {
          const value = this.#pipeline(node.pipeline, dot);
          if (isTrue(value))
            this.#within(
              node.kind === "with" ? { dot: value, isBoxed: false } : { dot, isBoxed: this.#isDotBoxed },
              node.body,
            );
          else this.#nodes(node.otherwise, dot);
        });
        break;
      case "range":
        this.#scoped(() => this.#range(node, dot));
        break;
      case "template":
        this.#call(node, dot);
        break;
      case "break":
      case "continue":
        throw new LoopJump(node.kind);
    }
  }

  /** What is declared within is forgotten behind it. */
  #scoped(act: () => void): void {
    const known = this.#variables.length;
    try {
      act();
    } finally {
      this.#variables.length = Math.min(this.#variables.length, known);
    }
  }

  /** With another dot. */
  #within(
    { dot, isBoxed }: { readonly dot: unknown; readonly isBoxed: boolean },
    body: readonly Node[],
  ): void {
    const outer = this.#isDotBoxed;
    this.#isDotBoxed = isBoxed;
    try {
      this.#nodes(body, dot);
    } finally {
      this.#isDotBoxed = outer;
    }
  }

  #print(pipeline: Pipeline, value: unknown): void {
    this.#mark(pipeline);
    if (isCallable(value)) this.#fail(`can't print ${nodeText(pipeline)} of type ${typeName(value)}`);
    this.#out.push(value === undefined ? "<no value>" : goShow(value));
  }

  #range(node: Block, dot: unknown): void {
    const { pipeline } = node;
    const value = pointedTo(this.#pipeline(pipeline, dot));
    const entries = loopEntries(value, pipeline.declared.length);
    if (typeof entries === "string") this.#fail(entries);
    const known = this.#variables.length;
    let isEmpty = true;
    for (const [key, item] of entries) {
      isEmpty = false;
      const [first, second] = pipeline.declared;
      if (first !== undefined) this.#loopVariable(pipeline, first, second === undefined ? item : key, known);
      if (second !== undefined) this.#loopVariable(pipeline, second, item, known);
      try {
        this.#within({ dot: item, isBoxed: holdsAnything(value) }, node.body);
      } catch (thrown) {
        if (!(thrown instanceof LoopJump)) throw thrown;
        if (thrown.kind === "break") return;
      } finally {
        this.#variables.length = Math.min(this.#variables.length, known);
      }
    }
    if (isEmpty) this.#nodes(node.otherwise, dot);
  }

  /** The pipeline has declared the variables of the loop, below `known`. */
  #loopVariable(pipeline: Pipeline, name: string, value: unknown, known: number): void {
    if (pipeline.isAssignment) {
      this.#assign(name, value);
      return;
    }
    const place = known - pipeline.declared.length + pipeline.declared.indexOf(name);
    this.#variables[place] = { name, value };
  }

  #call(node: TemplateCall, dot: unknown): void {
    this.#mark(node);
    const body =
      this.#template.defined.get(node.name) ??
      (node.name === this.#template.name ? this.#template.root : undefined);
    if (body === undefined) this.#fail(`template ${goQuote(node.name)} not defined`);
    if (this.#depth === deepestCall) this.#fail(`exceeded maximum template depth (${deepestCall})`);
    const value = node.pipeline === undefined ? undefined : this.#pipeline(node.pipeline, dot);
    const outer = { name: this.#name, variables: this.#variables };
    this.#name = node.name;
    this.#variables = [{ name: "$", value }];
    this.#depth += 1;
    this.#within({ dot: value, isBoxed: false }, body);
    this.#depth -= 1;
    this.#name = outer.name;
    this.#variables = outer.variables;
  }

  #assign(name: string, value: unknown): void {
    const variable = this.#variables.findLast((one) => one.name === name);
    if (variable === undefined) this.#fail(`undefined variable: ${name}`);
    variable.value = value;
  }

  #pipeline(pipeline: Pipeline, dot: unknown): unknown {
    this.#mark(pipeline);
    let value: unknown = nothingPiped;
    for (const command of pipeline.commands) {
      value = this.#command(command, dot, value);
      // Go forgets here that a nil once stood in an interface.
      if (value === null) value = undefined;
    }
    for (const name of pipeline.declared) {
      if (pipeline.isAssignment) this.#assign(name, value);
      else this.#variables.push({ name, value });
    }
    return value;
  }

  #command(command: Command, dot: unknown, piped: unknown): unknown {
    const [head, ...args] = command.operands;
    if (head === undefined) return undefined;
    const hasArguments = args.length > 0 || piped !== nothingPiped;
    switch (head.kind) {
      case "field":
      case "chain":
        return this.#path(head, dot, args, piped);
      case "variable":
        if (head.path.length > 0) return this.#path(head, dot, args, piped);
        this.#mark(head);
        if (hasArguments) this.#notAFunction(head);
        return this.#variable(head.name);
      case "function":
        return this.#function(head.name, head, command, dot, args, piped);
      case "pipeline":
        if (hasArguments) this.#notAFunction(head);
        return this.#pipeline(head, dot);
      default:
        this.#mark(head);
        if (hasArguments) this.#notAFunction(head);
        if (head.kind === "nil") this.#fail("nil is not a command");
        return this.#operand(head, dot);
    }
  }

  #notAFunction(head: Operand): never {
    const shown = head.kind === "pipeline" ? `(${nodeText(head)})` : nodeText(head);
    return this.#fail(
      `can't give argument to non-function ${head.kind === "pipeline" ? shown.slice(1, -1) : shown}`,
    );
  }

  #variable(name: string): unknown {
    const variable = this.#variables.findLast((one) => one.name === name);
    if (variable === undefined) this.#fail(`undefined variable: ${name}`);
    return variable.value;
  }

  /** The value of an operand that is given no arguments. */
  #operand(operand: Operand, dot: unknown): unknown {
    switch (operand.kind) {
      case "dot":
        return dot;
      case "nil":
        return undefined;
      case "bool":
      case "string":
        return operand.value;
      case "number":
        if (operand.value.ideal === undefined) this.#fail(`${operand.text} overflows int`);
        return operand.value.ideal;
      case "field":
      case "chain":
        return this.#path(operand, dot, [], nothingPiped);
      case "variable":
        if (operand.path.length > 0) return this.#path(operand, dot, [], nothingPiped);
        this.#mark(operand);
        return this.#variable(operand.name);
      case "function":
        return this.#function(operand.name, operand, operand, dot, [], nothingPiped);
      case "pipeline":
        return this.#pipeline(operand, dot);
    }
  }

  #path(
    operand: Extract<Operand, { readonly kind: "field" | "chain" | "variable" }>,
    dot: unknown,
    args: readonly Operand[],
    piped: unknown,
  ): unknown {
    this.#mark(operand);
    let value: unknown = dot;
    if (operand.kind === "variable") value = this.#variable(operand.name);
    else if (operand.kind === "chain") {
      if (operand.of.kind === "nil") this.#fail(`indirection through explicit nil in ${nodeText(operand)}`);
      value = this.#operand(operand.of, dot);
    }
    let isBoxed = operand.kind === "field" && this.#isDotBoxed;
    for (const [index, name] of operand.path.entries()) {
      const isLast = index === operand.path.length - 1;
      const holder = value;
      value = this.#field(
        { value, isBoxed },
        name,
        operand,
        dot,
        isLast ? args : [],
        isLast ? piped : nothingPiped,
      );
      const isStruct = holder === this.#root && this.#options.rootType !== undefined;
      isBoxed = !isStruct && holdsAnything(holder);
    }
    return value;
  }

  #field(
    holder: { readonly value: unknown; readonly isBoxed: boolean },
    name: string,
    node: Operand,
    dot: unknown,
    args: readonly Operand[],
    piped: unknown,
  ): unknown {
    const { value } = holder;
    if (value === undefined || value === null) {
      if (value === null && holder.isBoxed) this.#fail(`nil pointer evaluating interface {}.${name}`);
      if (this.#options.missingKey === "error") this.#fail(`nil data; no entry for key ${goQuote(name)}`);
      return undefined;
    }
    const type = holder.isBoxed ? "interface {}" : typeName(value);
    const method = methodNamed(value, name);
    if (method !== undefined) return this.#invoke(name, methodOf(method), node, dot, args, piped);
    const hasArguments = args.length > 0 || piped !== nothingPiped;
    const receiver = pointedTo(value);
    if (receiver instanceof GoValue && receiver.type.kind === "struct") {
      const field = fieldNamed(receiver, name);
      if (field === undefined) return this.#noField(name, type);
      if (hasArguments) this.#fail(`${name} has arguments but cannot be invoked as function`);
      return field.value;
    }
    if (isTypedNil(receiver) && receiver.type.kind === "pointer")
      return this.#nilPointer(receiver, name, type);
    const isNamedMap = receiver instanceof GoValue && receiver.type.key.name !== "string";
    if (kindOf(receiver) !== "map" || isNamedMap) return this.#noField(name, type);
    const found = entryOf(receiver, name);
    if (isCallable(found)) return this.#invoke(name, methodOf(found), node, dot, args, piped);
    if (hasArguments) this.#fail(`${name} is not a method but has arguments`);
    return found === undefined ? this.#missing(value, name) : found;
  }

  #noField(name: string, type: string): never {
    return this.#fail(`can't evaluate field ${name} in type ${type}`);
  }

  /** Where a struct would not have the field either, Go says that. */
  #nilPointer(nil: GoValue, name: string, type: string): never {
    const { of } = nil.type;
    const lacksField = of.kind === "struct" && fieldNamed(new GoValue(of, {}), name) === undefined;
    return lacksField ? this.#noField(name, type) : this.#fail(`nil pointer evaluating ${type}.${name}`);
  }

  #missing(value: unknown, name: string): undefined {
    const { rootType, missingKey } = this.#options;
    const type = value === this.#root ? rootType : rowTypeOf(value);
    if (type !== undefined) this.#noField(name, type);
    if (missingKey === "error") this.#fail(`map has no entry for key ${goQuote(name)}`);
    return undefined;
  }

  #function(
    name: string,
    identifier: Operand,
    node: Operand | Command,
    dot: unknown,
    args: readonly Operand[],
    piped: unknown,
  ): unknown {
    this.#mark(identifier);
    const called = Object.hasOwn(this.#options.functions, name) ? this.#options.functions[name] : undefined;
    if (called === undefined) this.#fail(`${goQuote(name)} is not a defined function`);
    return this.#invoke(name, called, node, dot, args, piped);
  }

  #invoke(
    name: string,
    called: TemplateFunction,
    node: Operand | Command,
    dot: unknown,
    args: readonly Operand[],
    piped: unknown,
  ): unknown {
    const given = args.length + (piped === nothingPiped ? 0 : 1);
    const fixed = called.parameters.length;
    if (called.rest !== undefined && given < fixed)
      this.#fail(`wrong number of args for ${name}: want at least ${fixed} got ${args.length}`);
    if (called.rest === undefined && given !== fixed)
      this.#fail(`wrong number of args for ${name}: want ${fixed} got ${given}`);
    if (called.shortCircuit !== undefined) return this.#shortCircuit(called.shortCircuit, dot, args, piped);
    const values = args.map((arg, index) =>
      this.#argument(arg, called.parameters[index] ?? called.rest ?? "any", dot),
    );
    if (piped !== nothingPiped)
      values.push(this.#checked(piped, called.parameters[values.length] ?? called.rest ?? "any"));
    if (name === "call") {
      const [first] = args;
      values.unshift(first === undefined ? goPrint(piped) : nodeText(first));
    }
    try {
      return called.call(...values);
    } catch (thrown) {
      if (!(thrown instanceof FunctionError)) throw thrown;
      this.#mark(node);
      return this.#fail(`error calling ${name}: ${thrown.message}`);
    }
  }

  /** `and` gives the first false operand, `or` the first true one, else the last; the rest is not evaluated. */
  #shortCircuit(kind: "and" | "or", dot: unknown, args: readonly Operand[], piped: unknown): unknown {
    let value: unknown;
    for (const arg of args) {
      value = this.#argument(arg, "value", dot);
      if (isTrue(value) === (kind === "or")) return value;
    }
    return piped === nothingPiped ? value : piped;
  }

  #argument(operand: Operand, type: ParameterType, dot: unknown): unknown {
    this.#mark(operand);
    const isLiteral = operand.kind === "bool" || operand.kind === "number" || operand.kind === "string";
    if (operand.kind === "nil") {
      if (type === "string" || type === "int") this.#fail(`cannot assign nil to ${type}`);
      return type === "[]string" ? [] : undefined;
    }
    if (!isLiteral) return this.#checked(this.#operand(operand, dot), type);
    if (type === "any" || type === "value") return this.#operand(operand, dot);
    if (type === "string" && operand.kind === "string") return operand.value;
    if (type === "int" && operand.kind === "number" && operand.value.integer !== undefined)
      return Number(operand.value.integer);
    if (type === "[]string") this.#fail(`can't handle ${nodeText(operand)} for arg of type []string`);
    return this.#fail(`expected ${own(literalKinds, type) ?? type}; found ${nodeText(operand)}`);
  }

  /** A value that came from somewhere, where `type` is wanted. */
  #checked(value: unknown, type: ParameterType): unknown {
    if (type === "any" || type === "value") return value;
    if (value === null) this.#fail(`wrong type for value; expected ${type}; got interface {}`);
    if (value === undefined) {
      if (type === "[]string") return [];
      return this.#fail(`invalid value; expected ${type}`);
    }
    if (fits(value, type)) return value;
    const target = pointedTo(value);
    if (target !== value && fits(target, type)) return target;
    return this.#fail(`wrong type for value; expected ${type}; got ${typeName(value)}`);
  }
}

/** The text that `template` makes of `value`. Throws `TemplateError`. */
export function runTemplate(template: ParsedTemplate, value: unknown, options: RunOptions): string {
  return new TemplateRun(template, value, options).run();
}
