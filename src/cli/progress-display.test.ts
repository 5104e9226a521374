import { expect, test } from "bun:test";
import type { ProgressMessage } from "../docker/types/progress.ts";
import { TiffinError } from "../lib/errors.ts";
import { CliContext } from "./context.ts";
import { type DisplayOptions, showProgress } from "./progress-display.ts";
import { fakeIo } from "./testing/fake-io.ts";

async function* stream(messages: readonly ProgressMessage[]): AsyncGenerator<ProgressMessage> {
  yield* messages;
}

async function shown(
  messages: readonly ProgressMessage[],
  options: { readonly columns?: number; readonly term?: string; readonly display?: DisplayOptions } = {},
): Promise<{ readonly out: string; readonly err: string }> {
  const { columns, term = "xterm" } = options;
  const fake = fakeIo({ env: { TERM: term }, ...(columns === undefined ? {} : { columns }) });
  const io = { ...fake, isTerminal: () => columns !== undefined };
  await showProgress(new CliContext(io, "tiffin pull", undefined), stream(messages), options.display);
  return { out: fake.outputText(), err: fake.errorText() };
}

const pull: readonly ProgressMessage[] = [
  { status: "Pulling from a", id: "latest" },
  { status: "Pulling fs layer", progressDetail: {}, id: "one" },
  { status: "Pulling fs layer", progressDetail: {}, id: "two" },
  { status: "Downloading", progressDetail: { current: 5_000_000, total: 10_000_000 }, id: "one" },
  { status: "Pull complete", progressDetail: {}, id: "one" },
  { status: "Digest: sha256:x" },
];

test("anywhere but on a terminal, and on one that cannot draw, there are lines and no bars", async () => {
  const lines =
    "latest: Pulling from a\none: Pulling fs layer\ntwo: Pulling fs layer\none: Pull complete\nDigest: sha256:x\n";
  expect((await shown(pull)).out).toBe(lines);
  expect((await shown(pull, { columns: 200, term: "dumb" })).out).toBe(lines);
});

test("on a terminal every layer has a line that is drawn again, with a bar where there is room", async () => {
  const { out } = await shown(pull, { columns: 150 });
  expect(out).toContain("\nlatest: Pulling from a\n".slice(1));
  expect(out).toContain("\u001b[2A\u001b[2K\rone: Downloading [=========================>");
  expect(out).toContain("5MB/10MB\r\u001b[2B");
  expect(out).toEndWith("Digest: sha256:x\n");
  expect((await shown(pull, { columns: 80 })).out).not.toContain("[===");
});

test("where it goes can be said, and that nothing is to be shown", async () => {
  expect(await shown(pull.slice(0, 1), { display: { fd: 2 } })).toEqual({
    out: "",
    err: "latest: Pulling from a\n",
  });
  expect(await shown(pull, { display: { quiet: true } })).toEqual({ out: "", err: "" });
});

test("text is printed as it is, additions go to who wants them, and a failure ends it", async () => {
  const aux: unknown[] = [];
  const told = await shown([{ stream: "Loaded image: a\n" }, { aux: { Tag: "1" } }], {
    display: { onAux: (one) => aux.push(one) },
  });
  expect([told.out, aux]).toEqual(["Loaded image: a\n", [{ Tag: "1" }]]);
  const failing = shown([{ errorDetail: { message: "no", remedy: "try", tiffinCode: "a.b" }, error: "no" }]);
  const error = await failing.catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(TiffinError);
  expect(error).toMatchObject({ message: "no", remedy: "try", code: "a.b" });
});
