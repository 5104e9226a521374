/** Makes a tree of nodes out of a template's tokens, with the error texts of Go's text/template. Pure. */
import { lexTemplate, type Token, type TokenKind } from "./lexer.ts";
import type { Block, Command, Node, Operand, Pipeline, TemplateCall } from "./node.ts";
import { nodeText } from "./node.ts";
import { parseNumber } from "./number-literal.ts";
import { goQuote, goUnquote } from "./quote.ts";
import { TemplateError } from "./template-error.ts";

export interface ParsedTemplate {
  readonly name: string;
  readonly source: string;
  readonly root: readonly Node[];
  /** What `define` and `block` have named. */
  readonly defined: ReadonlyMap<string, readonly Node[]>;
}

const operandStarts: ReadonlySet<TokenKind> = new Set<TokenKind>([
  "bool",
  "number",
  "dot",
  "field",
  "identifier",
  "string",
  "variable",
  "(",
]);

const deepestParentheses = 1_000;
const longestShown = 10;

/** The end of a list of nodes: `{{end}}`, or `{{else}}` with what follows the word. */
type ListEnd = "end" | "else";

function showToken(token: Token): string {
  if (token.kind === "end of file") return "EOF";
  if (token.kind === "error") return token.text;
  if (token.kind === "keyword" || token.kind === "dot") return `<${token.text}>`;
  const bytes = Buffer.byteLength(token.text);
  return bytes > longestShown
    ? `${goQuote([...token.text].slice(0, longestShown).join(""))}...`
    : goQuote(token.text);
}

/** Only spaces, or nothing: it may be defined again. */
function isEmpty(nodes: readonly Node[]): boolean {
  return nodes.every((node) => node.kind === "text" && node.text.trim() === "");
}

class Parser {
  readonly defined = new Map<string, readonly Node[]>();
  readonly #name: string;
  readonly #tokens: readonly Token[];
  readonly #hasFunction: (name: string) => boolean;
  #next = 0;
  #furthest = 0;
  #variables: string[] = ["$"];
  #rangeDepth = 0;
  #parentheses = 0;
  #actionLine = 0;

  constructor(name: string, source: string, hasFunction: (name: string) => boolean) {
    this.#name = name;
    this.#tokens = lexTemplate(source);
    this.#hasFunction = hasFunction;
  }

  root(): readonly Node[] {
    const nodes: Node[] = [];
    while (this.#peek().kind !== "end of file") {
      if (this.#peek().kind === "left") {
        const before = this.#next;
        this.#take();
        if (this.#isKeyword(this.#takeWord(), "define")) {
          this.#definition();
          continue;
        }
        this.#next = before;
      }
      const node = this.#textOrAction();
      if (typeof node === "string") this.#fail(`unexpected {{${node}}}`);
      nodes.push(node);
    }
    return nodes;
  }

  #token(at: number): Token {
    this.#furthest = Math.max(this.#furthest, Math.min(at, this.#tokens.length - 1));
    return (
      this.#tokens[Math.min(at, this.#tokens.length - 1)] ?? {
        kind: "end of file",
        text: "EOF",
        at: 0,
        line: 1,
      }
    );
  }

  #peek(): Token {
    return this.#token(this.#next);
  }

  #take(): Token {
    const token = this.#peek();
    this.#next += 1;
    return token;
  }

  #skipSpace(): void {
    while (this.#peek().kind === "space") this.#next += 1;
  }

  /** The next token that is no space, which stays there. */
  #peekWord(): Token {
    this.#skipSpace();
    return this.#peek();
  }

  #takeWord(): Token {
    this.#skipSpace();
    return this.#take();
  }

  #isKeyword(token: Token, word: string): boolean {
    return token.kind === "keyword" && token.text === word;
  }

  #fail(text: string): never {
    const line = this.#tokens[this.#furthest]?.line ?? 1;
    throw new TemplateError(`template: ${this.#name}:${line}: ${text}`);
  }

  #unexpected(token: Token, context: string): never {
    if (token.kind !== "error") this.#fail(`unexpected ${showToken(token)} in ${context}`);
    let place = "";
    if (this.#actionLine !== 0 && this.#actionLine !== token.line) {
      const action = token.text.endsWith(" action") ? "" : " in action";
      place = `${action} started at ${this.#name}:${this.#actionLine}`;
    }
    this.#fail(token.text + place);
  }

  #expect(kind: TokenKind, context: string): Token {
    const token = this.#takeWord();
    if (token.kind !== kind) this.#unexpected(token, context);
    return token;
  }

  #unquoted(token: Token): string {
    return goUnquote(token.text) ?? this.#fail("invalid syntax");
  }

  #define(name: string, nodes: readonly Node[]): void {
    const before = this.defined.get(name);
    if (before !== undefined && !isEmpty(before)) {
      if (isEmpty(nodes)) return;
      this.#fail(`template: multiple definition of template ${goQuote(name)}`);
    }
    this.defined.set(name, nodes);
  }

  /** A body with variables of its own, up to its end. */
  #ownBody(context: string): readonly Node[] {
    const outer = this.#variables;
    const depth = this.#rangeDepth;
    this.#variables = ["$"];
    this.#rangeDepth = 0;
    const { nodes, end } = this.#list();
    if (end !== "end") this.#fail(`unexpected {{${end}}} in ${context}`);
    this.#variables = outer;
    this.#rangeDepth = depth;
    return nodes;
  }

  #definition(): void {
    const context = "define clause";
    const name = this.#unquoted(this.#expect("string", context));
    this.#expect("right", context);
    this.#define(name, this.#ownBody(context));
  }

  #list(): { readonly nodes: readonly Node[]; readonly end: ListEnd } {
    const nodes: Node[] = [];
    while (this.#peekWord().kind !== "end of file") {
      const node = this.#textOrAction();
      if (typeof node === "string") return { nodes, end: node };
      nodes.push(node);
    }
    return this.#fail("unexpected EOF");
  }

  #textOrAction(): Node | ListEnd {
    const token = this.#takeWord();
    if (token.kind === "text") return { kind: "text", at: token.at, text: token.text };
    if (token.kind !== "left") this.#unexpected(token, "input");
    this.#actionLine = token.line;
    const node = this.#action();
    this.#actionLine = 0;
    return node;
  }

  #action(): Node | ListEnd {
    const token = this.#peekWord();
    if (token.kind === "keyword" && token.text !== "nil") {
      this.#next += 1;
      return this.#control(token);
    }
    return { kind: "action", at: token.at, pipeline: this.#pipeline("command", "right") };
  }

  #control(token: Token): Node | ListEnd {
    switch (token.text) {
      case "if":
      case "with":
      case "range":
        return this.#block(token.text);
      case "block":
        return this.#blockClause();
      case "template":
        return this.#templateClause();
      case "break":
      case "continue":
        return this.#jump(token.text, token.at);
      case "end":
        this.#expect("right", "end");
        return "end";
      case "else": {
        const next = this.#peekWord();
        if (!this.#isKeyword(next, "if") && !this.#isKeyword(next, "with")) this.#expect("right", "else");
        return "else";
      }
      default:
        return this.#unexpected(token, "command");
    }
  }

  #jump(kind: "break" | "continue", at: number): Node {
    this.#expect("right", `{{${kind}}}`);
    if (this.#rangeDepth === 0) this.#fail(`{{${kind}}} outside {{range}}`);
    return { kind, at };
  }

  #block(kind: "if" | "with" | "range"): Block {
    const known = this.#variables.length;
    const pipeline = this.#pipeline(kind, "right");
    if (kind === "range") this.#rangeDepth += 1;
    const { nodes, end } = this.#list();
    if (kind === "range") this.#rangeDepth -= 1;
    const otherwise = end === "else" ? this.#otherwise(kind) : [];
    this.#variables.length = known;
    return { kind, at: pipeline.at, pipeline, body: nodes, otherwise };
  }

  #otherwise(kind: "if" | "with" | "range"): readonly Node[] {
    if (kind !== "range" && this.#isKeyword(this.#peek(), kind)) {
      this.#next += 1;
      return [this.#block(kind)];
    }
    const { nodes, end } = this.#list();
    if (end !== "end") this.#fail(`expected end; found {{${end}}}`);
    return nodes;
  }

  #templateName(context: string): Token {
    const token = this.#takeWord();
    if (token.kind !== "string") this.#unexpected(token, context);
    return token;
  }

  #blockClause(): TemplateCall {
    const context = "block clause";
    const token = this.#templateName(context);
    const name = this.#unquoted(token);
    const pipeline = this.#pipeline(context, "right");
    this.#define(name, this.#ownBody(context));
    return { kind: "template", at: token.at, name, pipeline };
  }

  #templateClause(): TemplateCall {
    const context = "template clause";
    const token = this.#templateName(context);
    const name = this.#unquoted(token);
    let pipeline: Pipeline | undefined;
    if (this.#peekWord().kind === "right") this.#next += 1;
    else pipeline = this.#pipeline(context, "right");
    return { kind: "template", at: token.at, name, pipeline };
  }

  #pipeline(context: string, end: "right" | ")"): Pipeline {
    const { at } = this.#peekWord();
    const { declared, isAssignment } = this.#declarations(context);
    const commands: Command[] = [];
    for (;;) {
      const token = this.#peekWord();
      if (token.kind === end) {
        this.#next += 1;
        break;
      }
      if (!operandStarts.has(token.kind) && !this.#isKeyword(token, "nil")) {
        this.#next += 1;
        this.#unexpected(token, context);
      }
      commands.push(this.#command());
    }
    this.#check(commands, context);
    return { kind: "pipeline", at, declared, isAssignment, commands };
  }

  /** `$x :=`, `$x =`, and in a range `$i, $x :=`. */
  #declarations(context: string): { readonly declared: readonly string[]; readonly isAssignment: boolean } {
    const declared: string[] = [];
    for (;;) {
      const variable = this.#peekWord();
      if (variable.kind !== "variable") return { declared, isAssignment: false };
      const before = this.#next;
      this.#next += 1;
      const sign = this.#peekWord();
      const isComma = sign.kind === "character" && sign.text === ",";
      if (sign.kind !== ":=" && sign.kind !== "=" && !isComma) {
        this.#next = before;
        return { declared, isAssignment: false };
      }
      this.#next += 1;
      declared.push(variable.text);
      this.#variables.push(variable.text);
      if (!isComma) return { declared, isAssignment: sign.kind === "=" };
      if (context !== "range" || declared.length > 1) this.#fail(`too many declarations in ${context}`);
      const { kind } = this.#peekWord();
      if (kind !== "variable" && kind !== "right" && kind !== ")")
        this.#fail("range can only initialize variables");
    }
  }

  #check(commands: readonly Command[], context: string): void {
    if (commands.length === 0) this.#fail(`missing value for ${context}`);
    for (const [index, command] of commands.entries()) {
      const kind = command.operands[0]?.kind ?? "nil";
      if (index > 0 && ["bool", "dot", "nil", "number", "string"].includes(kind))
        this.#fail(`non executable command in pipeline stage ${index + 1}`);
    }
  }

  #command(): Command {
    const { at } = this.#peekWord();
    const operands: Operand[] = [];
    for (;;) {
      this.#skipSpace();
      const operand = this.#operand();
      if (operand !== undefined) operands.push(operand);
      const token = this.#peek();
      if (token.kind === "right" || token.kind === ")") break;
      this.#next += 1;
      if (token.kind === "|") break;
      if (token.kind !== "space") this.#unexpected(token, "operand");
    }
    if (operands.length === 0) this.#fail("empty command");
    return { kind: "command", at, operands };
  }

  #operand(): Operand | undefined {
    const term = this.#term();
    if (term === undefined || this.#peek().kind !== "field") return term;
    const { at } = this.#peek();
    const path: string[] = [];
    while (this.#peek().kind === "field") path.push(this.#take().text.slice(1));
    switch (term.kind) {
      case "field":
        return { kind: "field", at, path: [...term.path, ...path] };
      case "variable":
        return { kind: "variable", at, name: term.name, path: [...term.path, ...path] };
      case "bool":
      case "string":
      case "number":
      case "nil":
      case "dot":
        return this.#fail(`unexpected . after term ${goQuote(nodeText(term))}`);
      default:
        return { kind: "chain", at, of: term, path };
    }
  }

  #term(): Operand | undefined {
    const token = this.#peekWord();
    const { at, text } = token;
    this.#next += 1;
    switch (token.kind) {
      case "identifier":
        if (!this.#hasFunction(text)) this.#fail(`function ${goQuote(text)} not defined`);
        return { kind: "function", at, name: text };
      case "dot":
        return { kind: "dot", at };
      case "variable":
        if (!this.#variables.includes(text)) this.#fail(`undefined variable ${goQuote(text)}`);
        return { kind: "variable", at, name: text, path: [] };
      case "field":
        return { kind: "field", at, path: [text.slice(1)] };
      case "bool":
        return { kind: "bool", at, value: text === "true" };
      case "number": {
        const value = parseNumber(text);
        if (value === undefined) this.#fail(`illegal number syntax: ${goQuote(text)}`);
        if (typeof value === "string") this.#fail(value);
        return { kind: "number", at, text, value };
      }
      case "string":
        return { kind: "string", at, quoted: text, value: this.#unquoted(token) };
      case "(": {
        this.#parentheses += 1;
        if (this.#parentheses > deepestParentheses) this.#fail("max expression depth exceeded");
        const pipeline = this.#pipeline("parenthesized pipeline", ")");
        this.#parentheses -= 1;
        return pipeline;
      }
      default:
        if (this.#isKeyword(token, "nil")) return { kind: "nil", at };
        this.#next -= 1;
        return undefined;
    }
  }
}

/** `name` stands in error texts. Throws `TemplateError`. */
export function parseTemplate(
  name: string,
  source: string,
  hasFunction: (name: string) => boolean,
): ParsedTemplate {
  const parser = new Parser(name, source, hasFunction);
  const root = parser.root();
  return { name, source, root, defined: parser.defined };
}
