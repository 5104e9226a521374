/** What is wrong with a template, or with the value that it was given, in the words of Go's text/template. */
export class TemplateError extends Error {
  override readonly name = "TemplateError";
  /** What the template had made of the value before it failed. */
  readonly written: string;

  constructor(message: string, written = "") {
    super(message);
    this.written = written;
  }
}
