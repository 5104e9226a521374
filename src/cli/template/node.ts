/** A parsed template, and how Go shows its parts in error texts. Pure. */
import type { NumberLiteral } from "./number-literal.ts";
import { goQuote } from "./quote.ts";

export type Operand =
  | { readonly kind: "dot" | "nil"; readonly at: number }
  | { readonly kind: "bool"; readonly at: number; readonly value: boolean }
  | { readonly kind: "number"; readonly at: number; readonly text: string; readonly value: NumberLiteral }
  | { readonly kind: "string"; readonly at: number; readonly quoted: string; readonly value: string }
  | { readonly kind: "field"; readonly at: number; readonly path: readonly string[] }
  | {
      readonly kind: "variable";
      readonly at: number;
      readonly name: string;
      readonly path: readonly string[];
    }
  | { readonly kind: "chain"; readonly at: number; readonly of: Operand; readonly path: readonly string[] }
  | { readonly kind: "function"; readonly at: number; readonly name: string }
  | Pipeline;

export interface Command {
  readonly kind: "command";
  readonly at: number;
  readonly operands: readonly Operand[];
}

export interface Pipeline {
  readonly kind: "pipeline";
  readonly at: number;
  readonly declared: readonly string[];
  readonly isAssignment: boolean;
  readonly commands: readonly Command[];
}

export interface Block {
  readonly kind: "if" | "with" | "range";
  readonly at: number;
  readonly pipeline: Pipeline;
  readonly body: readonly Node[];
  readonly otherwise: readonly Node[];
}

export interface TemplateCall {
  readonly kind: "template";
  readonly at: number;
  readonly name: string;
  readonly pipeline: Pipeline | undefined;
}

export type Node =
  | { readonly kind: "text"; readonly at: number; readonly text: string }
  | { readonly kind: "action"; readonly at: number; readonly pipeline: Pipeline }
  | { readonly kind: "break" | "continue"; readonly at: number }
  | Block
  | TemplateCall;

function path(names: readonly string[]): string {
  return names.map((name) => `.${name}`).join("");
}

function operandText(operand: Operand): string {
  return operand.kind === "pipeline" ? `(${nodeText(operand)})` : nodeText(operand);
}

/** A part of a template as Go writes it in its error texts. */
export function nodeText(node: Operand | Command | TemplateCall): string {
  switch (node.kind) {
    case "dot":
      return ".";
    case "nil":
      return "nil";
    case "bool":
      return String(node.value);
    case "number":
      return node.text;
    case "string":
      return node.quoted;
    case "field":
      return path(node.path);
    case "variable":
      return node.name + path(node.path);
    case "chain":
      return operandText(node.of) + path(node.path);
    case "function":
      return node.name;
    case "command":
      return node.operands.map(operandText).join(" ");
    case "pipeline": {
      const sign = node.isAssignment ? " = " : " := ";
      const declared = node.declared.length === 0 ? "" : node.declared.join(", ") + sign;
      return declared + node.commands.map(nodeText).join(" | ");
    }
    case "template":
      return `{{template ${goQuote(node.name)}${node.pipeline === undefined ? "" : ` ${nodeText(node.pipeline)}`}}}`;
  }
}
