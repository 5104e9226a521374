/** For tests: the error that something must fail with. */
import { TiffinError } from "../../lib/errors.ts";

export async function errorOf(work: Promise<unknown>): Promise<TiffinError> {
  try {
    await work;
  } catch (thrown) {
    if (thrown instanceof TiffinError) return thrown;
    throw thrown;
  }
  throw new Error("it did not fail");
}
