/** `--format` of single documents: `json` or a template. Templates are loaded only when there is one. */

import { goJson } from "../../lib/go-json.ts";
import { PlainFailure } from "../exit-reports.ts";

export interface DocumentKind {
  /** What Docker calls the template in its error texts. */
  readonly templateName?: string;
  /** Docker's Go type of the document where it is not looked at as plain JSON. */
  readonly rootType?: string;
  /** Stands before the text of an error that occurs while the template runs. */
  readonly failurePrefix?: string;
}

const badTemplateExit = 64;

/** Reads the template at once; what comes back makes text of documents. */
export async function documentFormat(
  format: string,
  { templateName, rootType, failurePrefix = "" }: DocumentKind = {},
): Promise<(document: unknown) => string> {
  if (format === "json") return goJson;
  const { dockerDocument, Template, TemplateError } = await import("../template/mod.ts");
  let template: InstanceType<typeof Template>;
  try {
    template = new Template(format, templateName);
  } catch (thrown) {
    if (thrown instanceof TemplateError)
      throw new PlainFailure(`template parsing error: ${thrown.message}`, badTemplateExit);
    throw thrown;
  }
  return (document) => {
    try {
      return template.run(dockerDocument(document, format), rootType === undefined ? {} : { rootType });
    } catch (thrown) {
      if (thrown instanceof TemplateError) throw new Error(failurePrefix + thrown.message);
      throw thrown;
    }
  };
}
