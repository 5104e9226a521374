/** Cuts a Go template into text and actions, and an action into tokens. Pure. */

export class TemplateError extends Error {
  override readonly name = "TemplateError";
}

export type Piece =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "action"; readonly tokens: readonly Token[]; readonly source: string };

export type Token =
  | { readonly kind: "field"; readonly path: readonly string[] }
  | { readonly kind: "variable"; readonly name: string; readonly path: readonly string[] }
  | { readonly kind: "word"; readonly text: string }
  | { readonly kind: "literal"; readonly value: unknown }
  | { readonly kind: "sign"; readonly text: "(" | ")" | "|" | "," | ":=" | "=" };

const leftTrim = /^-\s/;
const rightTrim = /\s-$/;

/** Where the action that starts at `from` ends: quotes may hold braces. */
function actionEnd(source: string, from: number): number {
  let quote = "";
  for (let at = from; at < source.length; at += 1) {
    const character = source[at] ?? "";
    if (quote !== "") {
      if (character === "\\" && quote === '"') at += 1;
      else if (character === quote) quote = "";
    } else if (character === '"' || character === "`") quote = character;
    else if (source.startsWith("}}", at)) return at;
  }
  throw new TemplateError("template: :1: unclosed action");
}

/** Text and actions in order. `{{-` and `-}}` eat the blanks beside them; comments vanish. */
export function lexTemplate(source: string): Piece[] {
  const pieces: Piece[] = [];
  let at = 0;
  let trimNext = false;
  while (at <= source.length) {
    const open = source.indexOf("{{", at);
    let text = source.slice(at, open < 0 ? undefined : open);
    if (trimNext) text = text.trimStart();
    if (open < 0) {
      if (text !== "") pieces.push({ kind: "text", text });
      break;
    }
    const close = actionEnd(source, open + 2);
    let inner = source.slice(open + 2, close);
    if (leftTrim.test(inner)) {
      text = text.trimEnd();
      inner = inner.slice(1);
    }
    trimNext = rightTrim.test(inner);
    if (trimNext) inner = inner.slice(0, -1);
    if (text !== "") pieces.push({ kind: "text", text });
    const action = inner.trim();
    if (!action.startsWith("/*")) pieces.push({ kind: "action", tokens: lexAction(action), source: action });
    at = close + 2;
  }
  return pieces;
}

const tokenPattern =
  /\s+|("(?:[^"\\]|\\.)*")|(`[^`]*`)|('(?:[^'\\]|\\.)')|(-?\d+(?:\.\d+)?)|(\$[A-Za-z0-9_]*)((?:\.[A-Za-z_][A-Za-z0-9_]*)*)|((?:\.[A-Za-z_][A-Za-z0-9_]*)+)|(\.)|([A-Za-z_][A-Za-z0-9_]*)|(:=|[()|,=])/y;

const constants: Readonly<Record<string, unknown>> = { true: true, false: false, nil: null };

function fieldPath(text: string): string[] {
  return text.split(".").filter((part) => part !== "");
}

function unquote(text: string): string {
  try {
    return String(JSON.parse(text));
  } catch {
    throw new TemplateError(`template: :1: invalid string ${text}`);
  }
}

function lexAction(action: string): Token[] {
  const tokens: Token[] = [];
  for (let at = 0; at < action.length; at = tokenPattern.lastIndex) {
    tokenPattern.lastIndex = at;
    const match = tokenPattern.exec(action);
    if (match === null) {
      throw new TemplateError(`template: :1: unexpected ${JSON.stringify(action[at])} in command`);
    }
    const [, quoted, raw, rune, number, variable, path = "", fields, dot, word, sign] = match;
    if (quoted !== undefined) tokens.push({ kind: "literal", value: unquote(quoted) });
    else if (raw !== undefined) tokens.push({ kind: "literal", value: raw.slice(1, -1) });
    else if (rune !== undefined) tokens.push({ kind: "literal", value: rune.codePointAt(1) ?? 0 });
    else if (number !== undefined) tokens.push({ kind: "literal", value: Number(number) });
    else if (variable !== undefined) tokens.push({ kind: "variable", name: variable, path: fieldPath(path) });
    else if (fields !== undefined) tokens.push({ kind: "field", path: fieldPath(fields) });
    else if (dot !== undefined) tokens.push({ kind: "field", path: [] });
    else if (word !== undefined) {
      if (Object.hasOwn(constants, word)) tokens.push({ kind: "literal", value: constants[word] });
      else tokens.push({ kind: "word", text: word });
    } else if (
      sign === "(" ||
      sign === ")" ||
      sign === "|" ||
      sign === "," ||
      sign === ":=" ||
      sign === "="
    ) {
      tokens.push({ kind: "sign", text: sign });
    }
  }
  return tokens;
}
