/** Explanations: every operation is told in every language, grouped, with who asked for it; two plans differ where they should. */
import { describe, expect, test } from "bun:test";
import { readdirSync, readFileSync } from "node:fs";
import { ops } from "../../abi/schema.ts";
import type { HostFacts } from "../../linux/host-facts.ts";
import { compileContainer } from "../compile-container.ts";
import { inverses } from "../op-text.ts";
import { hostOpNames } from "../plan.ts";
import { renderScript } from "../script/render-script.ts";
import { defaultOptions, defaultSpec, mapping, scriptSurroundings } from "../testdata/specs.ts";
import { chapters } from "./chapters.ts";
import { explainOps, type OriginOf, planSignature } from "./explained.ts";
import { languages, networkOpNames, removalOpNames } from "./mod.ts";
import {
  durationText,
  type ExplainedPlan,
  renderDifference,
  renderExplained,
  renderMarkdown,
} from "./render-explained.ts";

const facts = JSON.parse(
  readFileSync(new URL("../testdata/facts-hybrid.json", import.meta.url), "utf8"),
) as HostFacts;
const plan = compileContainer(defaultSpec(), facts, defaultOptions());
const id = "c0ffee".padEnd(64, "0");

const originOf: OriginOf = (setting) =>
  setting === "linux.resources.memory.limit"
    ? { kind: "flag", text: "--memory 64m" }
    : setting === "process.args"
      ? { kind: "image", text: "CMD" }
      : { kind: "default" };

function explained(change: Partial<ExplainedPlan> = {}): ExplainedPlan {
  const hostMs = plan.hostOps.map(() => 0.5);
  const opMs = Float32Array.from(plan.ops, () => 0.01);
  const all = explainOps(plan, originOf, { hostMs, opMs });
  return { ops: all, warnings: [], totalMs: 12.3, notes: [], ...change };
}

const hanCharacters = /\p{Script=Han}/u;

describe("each language", () => {
  test("has words of its own for every operation and every chapter", () => {
    const names = [...Object.keys(ops), ...hostOpNames, ...networkOpNames, ...removalOpNames].sort();
    for (const { ops: sentences, chapters: parts } of Object.values(languages)) {
      expect(Object.keys(sentences).sort()).toEqual(names);
      expect(Object.keys(parts)).toEqual([...chapters]);
      const all = [...Object.values(sentences), ...Object.values(parts).map(({ meaning }) => meaning)];
      for (const sentence of all) expect(sentence.length).toBeGreaterThan(3);
      expect(new Set(all).size).toBe(all.length);
    }
  });

  test("has causes, inverses and objects, too: of every plan that is kept, and of every inverse", () => {
    const { phrase } = languages.zh;
    const directory = new URL("../testdata/", import.meta.url);
    const causes = readdirSync(directory)
      .filter((name) => name.endsWith(".plan"))
      .flatMap((name) => readFileSync(new URL(name, directory), "utf8").split("\n"))
      .flatMap((line) => /\[([^[]*(?:\[[^[\]]*\])?)\]$/.exec(line)?.[1] ?? []);
    const own = compileContainer(defaultSpec(), facts, defaultOptions());
    // Of every plan that is kept: from the name of the operation to two blanks.
    const named = /^ +h?\d+ {2}\w+ +(?!exec|hook|setHostname|setDomainname)\w+ +(\S+(?: \S+)*?)(?: {2}|$)/;
    const kept = readdirSync(directory)
      .filter((name) => name.endsWith(".plan"))
      .flatMap((name) => readFileSync(new URL(name, directory), "utf8").split("\n"))
      .flatMap((line) => named.exec(line)?.[1] ?? []);
    const targets = own.ops.flatMap(({ op, target }) => (op === "exec" ? [] : [target]));
    const hostInverses = own.hostOps.map(({ inverse }) => inverse);
    const words = [...causes, ...kept, ...targets, ...hostInverses, ...Object.values(inverses)];
    expect(words.length).toBeGreaterThan(500);
    // Names of files and settings, and descriptors, are those of every language.
    const isName = (text: string): boolean => !text.includes(" ") || /^\/|^fd \d+$|^[#\d]/.test(text);
    const untold = words.filter((text) => !isName(text) && !hanCharacters.test(phrase(text)));
    expect([...new Set(untold)]).toEqual([]);
  });

  test("has every object that the compiler names", () => {
    const directory = new URL("../", import.meta.url);
    const statement = /builder\s*\.(?:prepare|parent|child)\(((?:[^;"`]|"[^"]*"|`[^`]*`)*)\);/g;
    const found = readdirSync(directory)
      .filter((name) => name.endsWith(".ts") && !name.endsWith(".test.ts"))
      .flatMap((name) => [...readFileSync(new URL(name, directory), "utf8").matchAll(statement)])
      .flatMap(([, words = ""]) => /(?:"([^"]*)"|`([^`]*)`),?\s*$/.exec(words)?.slice(1) ?? [])
      .flatMap((text) => (text?.includes(" ") === true ? [text] : []));
    expect(found.length).toBeGreaterThan(25);
    const { phrase } = languages.zh;
    const values = ["/path", "7", "network", "network namespace", "tmpfs"];
    const filled = (text: string): string[] => values.map((value) => text.replaceAll(/\$\{[^}]*\}/g, value));
    // Of two values the first is the kind of file system.
    const both = (text: string): string =>
      text.replace(/\$\{[^}]*\}/, "tmpfs").replace(/\$\{[^}]*\}/, "/path");
    const isTold = (text: string): boolean =>
      [...filled(text), both(text)].some((one) => hanCharacters.test(phrase(one)));
    expect(found.filter((text) => !isTold(text))).toEqual([]);
  });

  test("a script has comments and messages in it, of every plan", () => {
    const vocabulary = languages.zh;
    const spec = defaultSpec();
    const linux = { ...spec.linux, uidMappings: mapping, gidMappings: mapping };
    const namespaces = [...(spec.linux?.namespaces ?? []), { type: "user" as const }];
    const mapped = compileContainer({ ...spec, linux: { ...linux, namespaces } }, facts, {
      ...defaultOptions(),
      network: { kind: "new" },
    });
    const surroundings = scriptSurroundings({
      vocabulary,
      masked: new Set(["TOKEN", "a-b"]),
      hidden: { ofCommand: new Set([1]), elsewhere: true },
    });
    const script = [plan, mapped].map((each) => renderScript(each, surroundings)).join("\n");
    const said = [
      ...[...script.matchAll(/^ *#(?!!)(.*)$/gm)].map(([, text = ""]) => text),
      ...[...script.matchAll(/(?:fail|echo|die) "([^"]*)"/g)].map(([, text = ""]) => text),
      ...[...script.matchAll(/ {2}# (.*)$/gm)].map(([, text = ""]) => text),
    ];
    expect(said.length).toBeGreaterThan(60);
    // What the kernel says, settings, and what is written into files.
    const isName = (text: string): boolean =>
      !/[a-z]{2} +[a-z]{2}/.test(text.replaceAll(/\$\w+|\w+\(2\)|[\w/]*[A-Z/=][\w/]*/g, "*"));
    const untold = said.filter((text) => !hanCharacters.test(text) && !isName(text));
    expect(untold).toEqual([]);
  });

  test("is that language", () => {
    const { en, zh } = languages;
    for (const sentence of Object.values(zh.ops)) expect(sentence).toMatch(hanCharacters);
    for (const sentence of Object.values(en.ops)) expect(sentence).not.toMatch(hanCharacters);
  });
});

test("every operation of a plan is shown once, in the chapter that it belongs to", () => {
  const text = renderExplained(explained(), { vocabulary: languages.en, details: false });
  const shown = [...text.matchAll(/^ +(h?\d+) {2}\w/gm)].map((match) => match[1]);
  expect(shown.sort()).toEqual(
    explained()
      .ops.map(({ index }) => index)
      .sort(),
  );
  const chapterOfOp = new Map(explained().ops.map(({ op, target, chapter }) => [`${op} ${target}`, chapter]));
  expect(chapterOfOp.get("clone new process")).toBe("namespaces");
  expect(chapterOfOp.get("moveMount /dev/pts")).toBe("devices");
  expect(chapterOfOp.get("moveMount /proc")).toBe("root");
  expect(chapterOfOp.get("setns network namespace")).toBe("network");
  expect(chapterOfOp.get("moveMount /etc/hosts")).toBe("network");
  expect(chapterOfOp.get("maskPath /proc/kcore")).toBe("guards");
  expect(chapterOfOp.get("setIds 0:0")).toBe("identity");
  expect(chapterOfOp.get("exec sh")).toBe("exec");
});

test("a line says what, on what, how long and who asked; details say why, by whom and what undoes it", () => {
  const options = { vocabulary: languages.en, details: true };
  const text = renderExplained(explained({ warnings: ["no swap here"], notes: ["A note."] }), options);
  expect(text).toStartWith("A note.\n");
  expect(text).toContain("operations, 12.3 ms");
  expect(text).toMatch(/h19 {2}cgroupWrite .*memory\.limit_in_bytes.* 0\.50 ms {2}\[--memory 64m\]\n/);
  expect(text).toMatch(
    / exec .* 10 µs {2}\[image: CMD\]\n {9}becomes the program\n {9}done by: the process itself/,
  );
  expect(text).toContain("Asked for, and not possible here:\n  no swap here\n");
});

test("without measurements there are no times", () => {
  const bare = { ...explained({ totalMs: undefined }), ops: explainOps(plan, originOf) };
  expect(renderExplained(bare, { vocabulary: languages.en, details: false })).not.toMatch(/\d (?:µs|ms)/);
});

describe("what came of each operation of a start", () => {
  const resultsOf = (failed: { readonly index: string; readonly errno: string }) =>
    explainOps(plan, originOf, { failed }).map(({ index, stage, result }) => [index, stage, result?.kind]);

  test("all done, but for what was let pass", () => {
    const hostMs = plan.hostOps.map(() => 0.5);
    const all = explainOps(plan, originOf, { hostMs, tolerated: [2] });
    expect(all.filter(({ result }) => result?.kind !== "done").map(({ index }) => index)).toEqual(["h2"]);
    const text = renderExplained({ ...explained(), ops: all }, { vocabulary: languages.en, details: false });
    expect(text).toMatch(/ h2 .*\] {2}refused, which is let pass$/m);
    expect(text.match(/let pass|done/g)).toHaveLength(1);
  });

  test("on the host: those before it were done, nothing else was", () => {
    for (const [index, , result] of resultsOf({ index: "h3", errno: "EINVAL" })) {
      const wanted = { h0: "done", h1: "done", h2: "done", h3: "failed" }[String(index)] ?? "notReached";
      expect([index, result]).toEqual([index, wanted]);
    }
  });

  test("in the process: its own before it were done; what goes on beside it is not known", () => {
    const at = plan.ops.findIndex(({ op }) => op === "pivotRoot");
    for (const [index, stage, result] of resultsOf({ index: String(at), errno: "EBUSY" })) {
      if (stage === "host" || stage === "prepare") expect([index, result]).toEqual([index, "done"]);
      else if (stage === "parent") expect([index, result]).toEqual([index, undefined]);
      else
        expect([index, result]).toEqual([
          index,
          Number(index) < at ? "done" : Number(index) === at ? "failed" : "notReached",
        ]);
    }
    const failed = { index: String(at), errno: "EBUSY" };
    const all = { ...explained(), ops: explainOps(plan, originOf, { failed }) };
    const text = renderExplained(all, { vocabulary: languages.zh, details: true });
    expect(text).toMatch(/ pivotRoot .*\] {2}失败:EBUSY$/m);
    expect(text).toContain("结果: 没有执行到");
  });
});

test("as Markdown: a table for each chapter, whatever the names hold", () => {
  const [first] = explained().ops;
  if (first === undefined) throw new Error("a plan has operations");
  const hostile = { ...first, target: "/a|b\nc" };
  const text = renderMarkdown(explained({ ops: [hostile] }), { vocabulary: languages.zh, details: true });
  const row = text.split("\n").find((line) => line.startsWith("| h0"));
  expect(row).toContain("/a\\|b c");
  expect(text).toStartWith("## 控制组\n");
});

describe("the difference of two plans", () => {
  const named = (name: string, ownId: string, one: ExplainedPlan) => ({ name, id: ownId, plan: one });

  test("is nothing for the same, whoever's it is", () => {
    const other = JSON.parse(JSON.stringify(explained()).replaceAll("c0ffee", "decade")) as ExplainedPlan;
    const text = renderDifference(
      named("a", "c0ffee", explained()),
      named("b", "decade", other),
      languages.en,
    );
    expect(text).toBe("- a\n+ b\n\nBoth do the same.\n");
  });

  test("is what one does and the other does not, numbers of descriptors aside", () => {
    const without = explained().ops.filter(({ op }) => op !== "setHostname");
    const other = explained({
      ops: without.map((op) => ({ ...op, detail: op.detail.replace("#18", "#99") })),
    });
    const text = renderDifference(named("a", id, explained()), named("b", id, other), languages.en);
    expect(text).toBe("- a\n+ b\n\nIdentity\n  - setHostname box\n");
  });
});

test("plans that do the same have the same signature, whoever is attached", () => {
  const options = defaultOptions();
  const same = compileContainer(defaultSpec(), facts, options);
  expect(planSignature(same)).toBe(planSignature(plan));
  const other = compileContainer({ ...defaultSpec(), hostname: "other" }, facts, options);
  expect(planSignature(other)).not.toBe(planSignature(plan));
});

test("durations", () => {
  expect([0.0004, 0.05, 0.1, 3.456, 12.34].map(durationText)).toEqual([
    "0 µs",
    "50 µs",
    "0.10 ms",
    "3.46 ms",
    "12.3 ms",
  ]);
});
