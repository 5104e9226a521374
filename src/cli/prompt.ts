/** Questions that a person answers on a terminal. */
import type { CliContext } from "./context.ts";
import { pollIn } from "./io.ts";

const limitBytes = 4096;
const newline = 10;
const carriageReturn = 13;
const endOfText = 3;
const endOfTransmission = 4;
const backspaces: readonly number[] = [8, 127];

/** One byte of standard input; undefined at its end. */
async function readByte({ io }: CliContext): Promise<number | undefined> {
  const byte = new Uint8Array(1);
  for (;;) {
    const got = io.readInput(byte);
    if (got === 0) return undefined;
    if (got !== undefined) return byte[0];
    const table = io.newPollTable(1);
    table.set(0, 0, pollIn);
    await table.wait();
  }
}

/** A line of standard input, which may be no terminal. */
export async function readLine(context: CliContext): Promise<string> {
  const answer: number[] = [];
  for (
    let byte = await readByte(context);
    byte !== undefined && byte !== newline;
    byte = await readByte(context)
  ) {
    if (answer.length === limitBytes) break;
    answer.push(byte);
  }
  return new TextDecoder().decode(Uint8Array.from(answer)).trim();
}

export async function readAnswer(context: CliContext, question: string): Promise<string> {
  context.out(question);
  return await readLine(context);
}

/** Without showing it. Ctrl-C gives up. */
export async function readSecret(context: CliContext, question: string): Promise<string> {
  context.out(question);
  const restore = context.io.makeRaw();
  const secret: number[] = [];
  try {
    for (;;) {
      const byte = await readByte(context);
      if (byte === undefined || byte === newline || byte === carriageReturn || byte === endOfTransmission)
        break;
      if (byte === endOfText) throw new Error("the login was given up");
      if (backspaces.includes(byte)) secret.pop();
      else if (secret.length < limitBytes) secret.push(byte);
    }
  } finally {
    restore();
    context.out("\n");
  }
  return new TextDecoder().decode(Uint8Array.from(secret));
}
