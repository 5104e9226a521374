/** The flags of `COPY` and `ADD`. Pure. */
import { own } from "../../../lib/own.ts";
import { booleanOf, checkFlags, parseFlag } from "./flags.ts";

export interface CopyFlags {
  readonly from: string | undefined;
  /** As written, with its variables replaced; empty is none. */
  readonly owner: string;
  readonly mode: string;
  readonly link: boolean;
  readonly parents: boolean;
  readonly exclude: readonly string[];
  readonly checksum: string;
  readonly keepGitDirectory: boolean;
  /** Undefined: archives of the context are, what is fetched is not. */
  readonly unpack: boolean | undefined;
}

const ofBoth = ["chown", "chmod", "link", "exclude"];
const known: Readonly<Record<string, readonly string[]>> = {
  copy: [...ofBoth, "from", "parents"],
  add: [...ofBoth, "checksum", "keep-git-dir", "unpack"],
};

/** Throws `Error` in Docker's words. */
export function copyFlags(
  instruction: string,
  written: readonly string[],
  expand: (word: string) => string,
): CopyFlags {
  const flags = written.map(parseFlag);
  checkFlags(instruction.toUpperCase(), flags, own(known, instruction) ?? [], ["exclude"]);
  const text = (name: string): string => expand(flags.find((flag) => flag.name === name)?.value ?? "");
  const toggle = (name: string): boolean | undefined => {
    const flag = flags.find((one) => one.name === name);
    return flag === undefined ? undefined : booleanOf(flag);
  };
  const from = flags.find(({ name }) => name === "from")?.value;
  const mode = text("chmod");
  if (mode !== "" && !isMode(mode)) {
    throw new Error(
      `invalid chmod parameter: '${mode}'. it should be octal string and between 0 and 07777, or symbolic like u=rwX,go=rX`,
    );
  }
  const checksum = text("checksum");
  if (
    checksum !== "" &&
    !/^(?:sha256|sha384|sha512):[0-9a-f]+$/.test(checksum) &&
    !/^[0-9a-f]{7,64}$/.test(checksum)
  ) {
    throw new Error(
      `invalid checksum ${JSON.stringify(checksum)}: wanted ALGORITHM:DIGITS, or a commit for a git repository`,
    );
  }
  return {
    from: from === "" ? undefined : from,
    owner: text("chown"),
    mode,
    link: toggle("link") ?? false,
    parents: toggle("parents") ?? false,
    exclude: flags.filter(({ name }) => name === "exclude").map(({ value = "" }) => expand(value)),
    checksum,
    keepGitDirectory: toggle("keep-git-dir") ?? false,
    unpack: toggle("unpack"),
  };
}

const largestMode = 0o7777;

function isMode(text: string): boolean {
  if (/^[0-7]{1,5}$/.test(text)) return Number.parseInt(text, 8) <= largestMode;
  return text.split(",").every((part) => /^[ugoa]*(?:[-+=](?:[rwxXst]*|[ugo]))+$/.test(part));
}
