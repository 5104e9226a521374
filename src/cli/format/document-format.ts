/** `--format` of single documents: `json` or a template. Templates are loaded only when there is one. */

import { formatExactJson } from "../../lib/exact-json.ts";
import { PlainFailure } from "../exit-reports.ts";

export interface DocumentKind {
  /** What Docker calls the template in its error texts. */
  readonly templateName?: string;
  /** Stands before the text of an error in the template itself. */
  readonly unreadable?: string;
  /** How the command ends then. */
  readonly unreadableExit?: number;
  /** Stands before the text of an error that occurs while the template runs. */
  readonly failurePrefix?: string;
  /** Docker's Go type of a document that is made of rows of tables, for error texts. */
  readonly rootType?: string;
  /** What a template cannot have of the typed document it may find in the JSON, where any key can be asked for. */
  readonly fallsBack?: boolean;
}

/** A template that failed on its document. */
export class FormatFailure extends Error {
  /** What it had made of the document before that, which Docker shows for some documents. */
  readonly written: string;

  constructor(message: string, written: string) {
    super(message);
    this.written = written;
  }
}

const badTemplateExit = 64;

/**
 * Reads the template at once; what comes back makes text of documents. `type`: the Go type that Docker's client decodes the document
 * into, plain JSON when there is none.
 */
export async function documentFormat(
  format: string,
  {
    templateName,
    unreadable = "template parsing error: ",
    unreadableExit = badTemplateExit,
    failurePrefix = "",
    rootType,
    fallsBack = false,
  }: DocumentKind = {},
): Promise<(document: unknown, type?: string) => string> {
  if (format === "json") return (document) => formatExactJson(document);
  const { goDocument, Template, TemplateError } = await import("../template/mod.ts");
  let template: InstanceType<typeof Template>;
  try {
    template = new Template(format, templateName);
  } catch (thrown) {
    if (thrown instanceof TemplateError) throw new PlainFailure(unreadable + thrown.message, unreadableExit);
    throw thrown;
  }
  return (document, type) => {
    try {
      if (rootType !== undefined) return template.run(document, { rootType });
      try {
        return template.run(goDocument(document, type));
      } catch (thrown) {
        if (!fallsBack || !(thrown instanceof TemplateError)) throw thrown;
        return template.run(goDocument(document), { missingKeyFails: true });
      }
    } catch (thrown) {
      if (thrown instanceof TemplateError)
        throw new FormatFailure(failurePrefix + thrown.message, thrown.written);
      throw thrown;
    }
  };
}

/** A row within a document, with Go's type of it for error texts. */
export function typedRow(row: object, type: string): object {
  return Object.defineProperties(
    { ...row },
    { [Symbol.for("row type")]: { value: type }, toJSON: { value: () => row } },
  );
}

/** Prints a document, and as much of it as there is when the template fails on it: so does Docker where nothing else is printed. */
export function printDocument(to: { readonly out: (text: string) => void }, show: () => string): void {
  try {
    to.out(`${show()}\n`);
  } catch (thrown) {
    if (thrown instanceof FormatFailure) to.out(`${thrown.written}\n`);
    throw thrown;
  }
}
