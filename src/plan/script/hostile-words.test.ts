/** Words of a container are in its script and in its explanation as words: none of them becomes a command, or moves a terminal. */
import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { HostFacts } from "../../linux/host-facts.ts";
import type { RuntimeSpec } from "../../oci/mod.ts";
import { compileContainer } from "../compile-container.ts";
import { explainOps } from "../explain/explained.ts";
import { languages, maskPlan, secretsOfPlan } from "../explain/mod.ts";
import { renderExplained, renderMarkdown } from "../explain/render-explained.ts";
import { renderPlan, renderPlanTable } from "../render-plan.ts";
import { defaultOptions, defaultSpec, mapping, scriptSurroundings } from "../testdata/specs.ts";
import { renderScript } from "./render-script.ts";

const facts = JSON.parse(
  readFileSync(new URL("../testdata/facts-hybrid.json", import.meta.url), "utf8"),
) as HostFacts;

function hostileSpec(word: string, names: readonly string[]): RuntimeSpec {
  const spec = defaultSpec();
  if (spec.process === undefined) throw new Error("the default specification has a process");
  const env = [`PATH=/bin`, `LC_A=${word}`, ...names.map((name) => `${name}=secretive`)];
  return { ...spec, process: { ...spec.process, args: ["echo", word], cwd: `/w${word}`, env } };
}

/** What the shell itself reads: without the files that the script has in it, which end as a shell ends them. */
function outsideOfFiles(script: string): string[] {
  const outside: string[] = [];
  let end: string | undefined;
  for (const line of script.split("\n")) {
    if (end !== undefined) {
      if (line === end) end = undefined;
      continue;
    }
    outside.push(line);
    end = /<<'(\w+)'$/.exec(line)?.[1];
  }
  expect(end).toBeUndefined();
  return outside;
}

test.each(["the host's users", "users of its own"])(
  "a line that ends a file of the script is a line of the word that it is in: %s",
  (users) => {
    const ends = ["FIRST", "REST", "FUNCTIONS", "HELPER", "FILTER"].map((name) => `END_OF_${name}`);
    const word = `x\n${[...ends, ...ends.map((end) => `${end}_`)].join("\ntouch MARK\n")}\ntouch MARK\n`;
    const spec = hostileSpec(word, []);
    const namespaces = [...(spec.linux?.namespaces ?? []), { type: "user" as const }];
    const linux = { ...spec.linux, namespaces, uidMappings: mapping, gidMappings: mapping };
    const plan =
      users === "users of its own"
        ? compileContainer({ ...spec, linux }, facts, { ...defaultOptions(), network: { kind: "new" } })
        : compileContainer(spec, facts, defaultOptions());
    const outside = outsideOfFiles(renderScript(plan, scriptSurroundings()));
    expect(outside.filter((line) => line.includes("MARK"))).toEqual([]);
  },
);

test("names of masked variables are looked up only where a shell has such", () => {
  const names = ["PLAIN", "A:-$(touch MARK)", "x-y", "q';touch MARK;'", "two\nlines", "`touch MARK`"];
  const plan = compileContainer(hostileSpec("x", names), facts, defaultOptions());
  const secrets = secretsOfPlan(plan);
  const script = renderScript(maskPlan(plan, secrets), scriptSurroundings({ masked: secrets.variables }));
  const lookedUp = [...script.matchAll(/\[ -n "\$\{([^}]*)\+x\}" \]/g)].map(([, name]) => name);
  expect(lookedUp).toEqual(["PLAIN"]);
  expect(script).toContain("note: x-y is left out");
  const unquoted = outsideOfFiles(script).filter(
    (line) => line.includes("MARK") && !/^echo '(?:[^']|'\\'')*' >&2$/.test(line),
  );
  expect(unquoted).toEqual([]);
});

test("a variable that is called as one of the script's own has the value of who runs it", () => {
  const plan = compileContainer(hostileSpec("x", ["work"]), facts, defaultOptions());
  const secrets = secretsOfPlan(plan);
  const script = renderScript(maskPlan(plan, secrets), scriptSurroundings({ masked: secrets.variables }));
  const kept = script.search(/^export given_work="\$\{work-\}"$/m);
  expect(kept).toBeGreaterThan(0);
  expect(kept).toBeLessThan(script.indexOf("work=$(mktemp -d)"));
  expect(script).toMatch(/"env=work=\$\{given_work-\}"/);
});

test("nothing that a terminal acts on is in what is shown", () => {
  const word = "a\u001b[31mred\u001b]0;title\u0007\r\u202eback\u2028";
  const plan = compileContainer(hostileSpec(word, [`N${word}`]), facts, defaultOptions());
  const explained = {
    ops: explainOps(plan, () => ({ kind: "flag", text: `-w ${word}` })),
    warnings: [word],
    totalMs: undefined,
    notes: [],
  };
  const options = { vocabulary: languages.en, details: true };
  for (const text of [
    renderExplained(explained, options),
    renderMarkdown(explained, options),
    renderPlan({ ...plan, warnings: [word] }),
    renderPlanTable(plan),
  ]) {
    expect(text).toContain("\\u001b[31mred");
    expect(text.replaceAll("\n", "")).not.toMatch(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u);
  }
});
