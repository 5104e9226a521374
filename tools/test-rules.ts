/**
 * What tests must not do, because it makes them meet each other, wait for luck, or prove nothing. `findOffences` reads every
 * test file; `test-rules.test.ts` runs it. The ways that are allowed are in `test/support`.
 */
import { readFileSync } from "node:fs";
import { join } from "node:path";

interface Rule {
  readonly pattern: RegExp;
  readonly instead: string;
  /** Lines that look like an offence and are none, with the reason. */
  readonly except?: readonly (readonly [file: string, text: string])[];
}

const rules: readonly Rule[] = [
  {
    pattern: /\bBun\.sleep(?:Sync)?\(|\bsetTimeout\(/,
    instead: "until, succeeds or settled of test/support/until.ts; pause where time itself is meant",
    except: [
      // A program of its own in a text, which cannot import them.
      ["src/engine/network/networks.test.ts", "await Bun.sleep(50);"],
      ["src/engine/network/networks.test.ts", "await Bun.sleep(60000);`;"],
    ],
  },
  {
    // What is published or listened on at the host; inside a container every port is free.
    pattern:
      /\b(?:127\.0\.0\.1|0\.0\.0\.0):[1-9]\d{2,4}:\d|"-p", "[^"`]*\b[1-9]\d{2,4}:\d|https?:\/\/[^/`"]*:[1-9]\d{2,4}\/|\blisten\w*\((?:[^()]*,\s*)?[1-9]\d{2,4}\)|Bun\.(?:serve|listen)\(\{[^}]*\bport: [1-9]/,
    instead: "freePort of test/support/free-port.ts, or port 0",
    except: [
      // Refused before anything listens.
      ["test/scenario/errors.test.ts", '{ name: "bad port"'],
    ],
  },
  {
    pattern:
      /\bTIFFIN_UPDATE_GOLDEN["'`]?\]|toMatch(?:Inline)?Snapshot\(|if \(!existsSync\([^)]*\)\) writeFileSync\(/,
    instead: "expectGolden of test/support/golden.ts, which fails when the file is missing",
    except: [["test/support/golden.test.ts", "test.skipIf(process.env"]],
  },
  {
    pattern: /\b(?:message|stderr|stdout|text)\.length\)\.toBeGreater/,
    instead: "the text itself: a length says nothing about what is said",
  },
  {
    pattern: /\b(?:test|describe|it)\.(?:only|todo)\(/,
    instead: "test; `only` hides all other tests, `todo` is no test",
  },
];

export interface Offence {
  readonly file: string;
  readonly line: number;
  readonly text: string;
}

/** Offences of `text`, which stands for the file `file`. */
export function offencesIn(file: string, text: string): Offence[] {
  return text
    .split("\n")
    .flatMap((line, index) =>
      rules
        .filter(
          ({ pattern, except = [] }) =>
            pattern.test(line) && !except.some(([where, what]) => where === file && line.includes(what)),
        )
        .map(({ instead }) => ({ file, line: index + 1, text: `${line.trim()}: use ${instead}` })),
    );
}

/** All offences in the tests below `project`. */
export function findOffences(project: string): Offence[] {
  const files = [...new Bun.Glob("{src,test,tools}/**/*.test.ts").scanSync(project)].sort();
  return files
    .filter((file) => file !== "tools/test-rules.test.ts")
    .flatMap((file) => offencesIn(file, readFileSync(join(project, file), "utf8")));
}

/** Exceptions that no line needs any more. */
export function staleExceptions(project: string): string[] {
  return rules.flatMap(({ except = [] }) =>
    except
      .filter(([file, text]) => !readFileSync(join(project, file), "utf8").includes(text))
      .map(([file, text]) => `${file}: ${text}`),
  );
}
