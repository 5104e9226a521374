/** What criu says when it cannot: the first error in its log is the cause, later ones follow from it. */
import { readTextIfPossible } from "../../kernel/files.ts";
import { TiffinError } from "../../lib/errors.ts";
import { errnoName } from "../../linux/errno.ts";
import type { CriuResponse } from "./messages.ts";
import { firstError } from "./session.ts";

export function criuFailure(what: string, response: CriuResponse | undefined, logPath: string): TiffinError {
  const said = firstError(readTextIfPossible(logPath) ?? "");
  const reason = said === "" && response !== undefined ? answerText(response) : said;
  return new TiffinError("unavailable", "runtime.criu-failed", `criu cannot ${what}${reason}`, {
    remedy: `see ${logPath}`,
  });
}

function answerText({ errorMessage, errno }: CriuResponse): string {
  if (errorMessage !== "") return `: ${errorMessage}`;
  return errno === 0 ? "" : `: ${errnoName(errno)}`;
}
