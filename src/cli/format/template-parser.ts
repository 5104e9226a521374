/**
 * Go's template language as far as format strings use it: fields, variables, pipelines, if/else, range, with, and
 * functions. Parsing gives a tree; `template-run.ts` walks it. Pure.
 */
import { lexTemplate, type Piece, TemplateError, type Token } from "./template-lexer.ts";

export type Operand =
  | { readonly kind: "field"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "function"; readonly name: string }
  | { readonly kind: "pipeline"; readonly pipeline: Pipeline; readonly path: readonly string[] };

/** One stage: a function or method with arguments, or a lone value. */
export type Stage = readonly Operand[];

export interface Pipeline {
  /** Variables that receive the value. */
  readonly assigned: readonly string[];
  readonly stages: readonly Stage[];
}

export type Node =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "print"; readonly pipeline: Pipeline }
  | {
      readonly kind: "if" | "with" | "range";
      readonly pipeline: Pipeline;
      readonly body: readonly Node[];
      readonly otherwise: readonly Node[];
    }
  | { readonly kind: "break" | "continue" };

/** Reads the tokens of one action. */
class ActionParser {
  readonly #tokens: readonly Token[];
  readonly #source: string;
  #at: number;

  constructor(tokens: readonly Token[], source: string, from: number) {
    this.#tokens = tokens;
    this.#source = source;
    this.#at = from;
  }

  /** The whole rest as one pipeline. */
  parse(): Pipeline {
    const pipeline = this.#pipeline();
    if (this.#at < this.#tokens.length) throw this.#unexpected();
    return pipeline;
  }

  #unexpected(): TemplateError {
    return new TemplateError(`template: :1: unexpected token in {{${this.#source}}}`);
  }

  #sign(text: string): boolean {
    const token = this.#tokens[this.#at];
    return token?.kind === "sign" && token.text === text;
  }

  #assignment(): string[] {
    const names: string[] = [];
    const start = this.#at;
    for (;;) {
      const token = this.#tokens[this.#at];
      if (token?.kind !== "variable" || token.path.length > 0) break;
      names.push(token.name);
      this.#at += 1;
      if (this.#sign(",")) {
        this.#at += 1;
        continue;
      }
      if (this.#sign(":=") || this.#sign("=")) {
        this.#at += 1;
        return names;
      }
      break;
    }
    this.#at = start;
    return [];
  }

  #pipeline(): Pipeline {
    const assigned = this.#assignment();
    const stages: Stage[] = [];
    for (;;) {
      const stage: Operand[] = [];
      for (let operand = this.#operand(); operand !== undefined; operand = this.#operand())
        stage.push(operand);
      if (stage.length === 0) throw new TemplateError("template: :1: missing value for command");
      stages.push(stage);
      if (!this.#sign("|")) return { assigned, stages };
      this.#at += 1;
    }
  }

  #operand(): Operand | undefined {
    const token = this.#tokens[this.#at];
    if (token === undefined) return undefined;
    if (token.kind === "sign") {
      if (token.text !== "(") return undefined;
      this.#at += 1;
      const pipeline = this.#pipeline();
      if (!this.#sign(")")) throw new TemplateError("template: :1: unclosed left paren");
      this.#at += 1;
      const next = this.#tokens[this.#at];
      // `(index .A 0).B`: a field right after the parenthesis belongs to its value.
      if (next?.kind === "field" && next.path.length > 0) {
        this.#at += 1;
        return { kind: "pipeline", pipeline, path: next.path };
      }
      return { kind: "pipeline", pipeline, path: [] };
    }
    this.#at += 1;
    return token.kind === "word" ? { kind: "function", name: token.text } : token;
  }
}

class TemplateParser {
  readonly #pieces: readonly Piece[];
  #at = 0;

  constructor(pieces: readonly Piece[]) {
    this.#pieces = pieces;
  }

  /** Nodes up to one of the `stops` (or the end); leaves the stop's piece as the last consumed. */
  nodes(stops: readonly string[]): {
    readonly nodes: Node[];
    readonly stop: string;
    readonly elseTokens: readonly Token[];
  } {
    const nodes: Node[] = [];
    while (this.#at < this.#pieces.length) {
      const piece = this.#pieces[this.#at];
      this.#at += 1;
      if (piece === undefined) break;
      if (piece.kind === "text") {
        nodes.push(piece);
        continue;
      }
      const [first, ...rest] = piece.tokens;
      const word = first?.kind === "word" ? first.text : "";
      if (word === "end" || word === "else") {
        if (!stops.includes(word)) throw new TemplateError(`template: :1: unexpected {{${word}}}`);
        return { nodes, stop: word, elseTokens: rest };
      }
      if (word === "if" || word === "with" || word === "range")
        nodes.push(this.#block(word, piece.tokens, piece.source, 1));
      else if (word === "break" || word === "continue") nodes.push({ kind: word });
      else if (piece.tokens.length === 0) throw new TemplateError("template: :1: missing value for command");
      else nodes.push({ kind: "print", pipeline: new ActionParser(piece.tokens, piece.source, 0).parse() });
    }
    if (stops.length > 0) throw new TemplateError("template: :1: unexpected EOF");
    return { nodes, stop: "", elseTokens: [] };
  }

  #block(kind: "if" | "with" | "range", tokens: readonly Token[], source: string, from: number): Node {
    const pipeline = new ActionParser(tokens, source, from).parse();
    const body = this.nodes(["end", "else"]);
    if (body.stop === "end") return { kind, pipeline, body: body.nodes, otherwise: [] };
    const [next] = body.elseTokens;
    if (next?.kind === "word" && (next.text === "if" || next.text === "with")) {
      return {
        kind,
        pipeline,
        body: body.nodes,
        otherwise: [this.#block(next.text, body.elseTokens, source, 1)],
      };
    }
    return { kind, pipeline, body: body.nodes, otherwise: this.nodes(["end"]).nodes };
  }
}

/** Throws `TemplateError` with Go's wording where people know it. */
export function parseTemplate(source: string): readonly Node[] {
  return new TemplateParser(lexTemplate(source)).nodes([]).nodes;
}
