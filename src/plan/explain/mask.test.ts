/** What is masked, whatever a value is: short, a part of another, of characters that mean something elsewhere. */
import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { HostFacts } from "../../linux/host-facts.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { compileContainer } from "../compile-container.ts";
import { explainFailure } from "../explain-failure.ts";
import { planJson } from "../plan-json.ts";
import { renderPlan, renderPlanTable } from "../render-plan.ts";
import { renderScript } from "../script/render-script.ts";
import { defaultOptions, defaultSpec, scriptSurroundings } from "../testdata/specs.ts";
import { explainOps } from "./explained.ts";
import { hiddenWords, languages, maskLine, maskPlan, maskWords, secretsOf, secretsOfPlan } from "./mod.ts";
import { renderExplained, renderMarkdown } from "./render-explained.ts";

const facts = JSON.parse(
  readFileSync(new URL("../testdata/facts-hybrid.json", import.meta.url), "utf8"),
) as HostFacts;

function mask(text: string, ...values: readonly string[]): string {
  return maskWords(
    text,
    secretsOf(
      values.map((value, index) => `SECRET_${index}=${value}`),
      ["/keep/secrets"],
    ),
  );
}

describe("a word that holds a value is masked as a whole", () => {
  test.each([
    ["login 7q now", ["7q"], "login *** now"],
    ["cat a", ["a"], "*** ***"],
    ["--pin=x7qy,z", ["7q"], "--pin=***,z"],
    ["postgres://user:hunter22@db/x", ["hunter22"], "postgres://user:***@db/x"],
    // One is a part of another, and reaches beyond a word.
    ["abc-def abc", ["abc", "abc-def"], "*** ***"],
    ["one two three", ["two th", "e"], "*** ***"],
    // Characters of regular expressions, of replacements, and none at all.
    ["a.b acb", ["a.b"], "*** acb"],
    ["x (.*)$& y", ["(.*)$&"], "x *** y"],
    ["$1 $$ $`", ["$$"], "$1 *** $`"],
    ["line\nsecond line", ["\nsecond"], "*** line"],
    ["密码是甲乙丙 好", ["乙"], "*** 好"],
    ["overlap aaa", ["aa"], "overlap ***"],
    ["/keep/secrets/db and /keep/secretsx", [], "***/db and ***x"],
  ] as const)("%j without %j", (text, values, wanted) => {
    expect(mask(text, ...values)).toBe(wanted);
  });

  test("switches and variables of every image are none", () => {
    expect(mask("sleep 1; echo true", "1", "true", "", "0")).toBe("sleep 1; echo true");
    expect(maskWords("cd /root", secretsOf(["HOME=/root"], []))).toBe("cd /root");
  });

  test("a command line has its assignments masked by their names", () => {
    const secrets = secretsOf(["PIN=1", "KEY=two words"], []);
    expect(maskLine(`run -e PIN=1 -e KEY="two words" base sleep 1`, secrets)).toBe(
      "run -e PIN=*** -e KEY=*** base sleep 1",
    );
  });
});

describe("every rendering of a plan", () => {
  const values = { PIN: "7q", WORD: "soup", ODD: "(x+)$&'\"", LONG: "correct-horse" };

  function hostile(): RuntimeSpec {
    const spec = defaultSpec();
    if (spec.process === undefined) throw new Error("the default specification has a process");
    const { PIN, WORD, ODD, LONG } = values;
    return {
      ...spec,
      hostname: `h${PIN}`,
      process: {
        ...spec.process,
        cwd: `/srv/${WORD}/${LONG}`,
        args: ["/bin/echo", PIN, `x${WORD}y`, ODD, `--key=${LONG}`, "open"],
        env: ["PATH=/bin", ...Object.entries(values).map(([name, value]) => `${name}=${value}`)],
      },
      linux: { ...spec.linux, sysctl: { "kernel.domainname": WORD } },
    };
  }

  const options = defaultOptions();
  const plan = compileContainer(hostile(), facts, {
    ...options,
    files: [{ path: "/etc/hosts", content: `10.0.0.1 ${values.LONG}\n`, mode: 0o644 }],
  });
  const secrets = secretsOfPlan(plan);
  const shown = maskPlan(plan, secrets);
  const explained = (language: keyof typeof languages) => ({
    ops: explainOps(shown, () => ({ kind: "default" }), {}, languages[language].say),
    warnings: [],
    totalMs: undefined,
    notes: [],
  });
  const surroundings = scriptSurroundings({
    masked: secrets.variables,
    hidden: hiddenWords(plan, shown),
  });
  const renderings = {
    text: renderExplained(explained("en"), { vocabulary: languages.en, details: true }),
    chinese: renderExplained(explained("zh"), { vocabulary: languages.zh, details: true }),
    markdown: renderMarkdown(explained("en"), { vocabulary: languages.en, details: true }),
    plain: renderPlan(shown),
    table: renderPlanTable(shown),
    json: JSON.stringify(planJson(shown)),
    sh: renderScript(shown, surroundings),
  };

  test.each(Object.keys(renderings))("%s", (name) => {
    const text = Object.entries(renderings).find(([each]) => each === name)?.[1] ?? "";
    for (const value of Object.values(values)) {
      expect([name, value, text.includes(value)]).toEqual([name, value, false]);
      expect(text).not.toContain(Buffer.from(`10.0.0.1 ${value}\n`).toString("base64"));
    }
    expect(text).toContain("open");
  });

  test("the operations around a failure", () => {
    for (const index of plan.ops.keys()) {
      const failure = { fields: { op: index, step: 0, errno: 5 }, object: "", detail: "" };
      const { operations = "" } = explainFailure(plan, failure);
      for (const value of Object.values(values)) expect(operations).not.toContain(value);
    }
  });

  test("a script asks for masked words of the command, and is none where others are masked", () => {
    const { ofCommand, elsewhere } = hiddenWords(plan, shown);
    expect([[...ofCommand], elsewhere]).toEqual([[1, 2, 3, 4], true]);
    expect(renderings.sh).toContain("fail 'words of this container are masked here");
    expect(renderings.sh).toContain('-- /bin/echo "$WORD_2" "$WORD_3" "$WORD_4" "$WORD_5" open');
    expect(hiddenWords(plan, plan)).toEqual({ ofCommand: new Set(), elsewhere: false });
  });
});
