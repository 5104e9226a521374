/** What `# check=` wants of the checks of a Dockerfile. Pure. */

export interface CheckWishes {
  skips(rule: string): boolean;
  /** Rules that are tried out have to be asked for. */
  tries(rule: string): boolean;
  /** A warning is a failure. */
  readonly failing: boolean;
}

/** The build argument that is heard instead of the directive. */
export const checkArgument = "BUILDKIT_DOCKERFILE_CHECK";

/** `skip=A,B;error=true`. Throws `Error`. */
export function parseCheckWishes(text: string | undefined): CheckWishes {
  const skip = new Set<string>();
  const experimental = new Set<string>();
  let failing = false;
  for (const part of (text ?? "").split(";").filter((one) => one.trim() !== "")) {
    const equals = part.indexOf("=");
    const key = part.slice(0, Math.max(0, equals)).trim().toLowerCase();
    const value = part.slice(equals + 1).trim();
    if (key === "skip") for (const name of namesIn(value)) skip.add(name);
    else if (key === "experimental") for (const name of namesIn(value)) experimental.add(name);
    else if (key === "error" && /^(?:1|t|true|0|f|false)$/i.test(value)) failing = /^(?:1|t)/i.test(value);
    else {
      throw new Error(
        `invalid check ${JSON.stringify(part)}: wanted skip=RULE,..., experimental=RULE,... or error=true|false`,
      );
    }
  }
  return {
    failing,
    skips: (rule) => skip.has("all") || skip.has(rule.toLowerCase()),
    tries: (rule) => experimental.has("all") || experimental.has(rule.toLowerCase()),
  };
}

function namesIn(list: string): string[] {
  return list.split(",").map((name) => name.trim().toLowerCase());
}
