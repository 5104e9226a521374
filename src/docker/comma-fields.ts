/** Options with commas between them, as `--mount` and `--secret` have them. Pure. */

/** Fields with commas between them; one in double quotes may have commas in it. */
export function commaFields(text: string): string[] {
  const fields: string[] = [];
  let field = "";
  let quoted = false;
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at);
    if (character === '"') {
      if (quoted && text.charAt(at + 1) === '"') {
        field += '"';
        at += 1;
      } else quoted = !quoted;
    } else if (character === "," && !quoted) {
      fields.push(field);
      field = "";
    } else field += character;
  }
  if (quoted) throw new Error(`failed to parse csv ${JSON.stringify(text)}: a quote is not closed`);
  return [...fields, field];
}

/** `key=value` with commas between them. Throws `Error` for a field that is no pair. */
export function commaPairs(text: string): Map<string, string> {
  return new Map(
    commaFields(text).map((field) => {
      const equals = field.indexOf("=");
      if (equals === -1) throw new Error(`invalid field ${JSON.stringify(field)}: wanted key=value`);
      return [field.slice(0, equals).trim().toLowerCase(), field.slice(equals + 1)];
    }),
  );
}
