import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { decodeLogConfig } from "./log-options.ts";
import { mergeHostConfig } from "./merge.ts";

function told(Type: string, Config: Record<string, string>): string {
  try {
    return decodeLogConfig({ Type, Config }).warnings.join("\n") || "accepted";
  } catch (thrown) {
    if (!(thrown instanceof TiffinError)) throw thrown;
    return `${thrown.code}: ${thrown.message}`;
  }
}

test.each<[string, Record<string, string>, string]>([
  ["", {}, "accepted"],
  ["json-file", { "max-size": "10m", "max-file": "3", compress: "false", mode: "blocking" }, "accepted"],
  [
    "json-file",
    { labels: "a,b", "labels-regex": "^x", env: "A", "env-regex": "B$", tag: "{{.Name}}/{{ .ID }}" },
    "accepted",
  ],
  ["local", { "max-size": "1k", "max-file": "1" }, "accepted"],
  ["none", {}, "accepted"],
])("%s with %p is accepted", (driver, options, text) => {
  expect(told(driver, options)).toBe(text);
});

test.each<[string, Record<string, string>, string]>([
  ["json-file", { compress: "true" }, "Log option compress is discarded"],
  ["local", { mode: "non-blocking", "max-buffer-size": "4m" }, "Log option mode=non-blocking is discarded"],
])("%s with %p is warned of", (driver, options, text) => {
  expect(told(driver, options)).toStartWith(text);
});

test.each<[string, Record<string, string>, string]>([
  [
    "splunk",
    {},
    "container.log-driver: logger: no log driver named 'splunk' is registered (there are none, local, json-file, syslog, gelf, fluentd, journald)",
  ],
  ["constructor", {}, "container.log-driver: logger: no log driver named 'constructor' is registered"],
  [
    "json-file",
    { foo: "bar" },
    "container.log-option: unknown log opt 'foo' for json-file log driver (max-size, max-file,",
  ],
  ["json-file", { __proto__x: "1" }, "container.log-option: unknown log opt '__proto__x'"],
  ["json-file", { toString: "1" }, "container.log-option: unknown log opt 'toString'"],
  ["local", { labels: "a" }, "container.log-option: unknown log opt 'labels' for local log driver"],
  [
    "none",
    { "max-size": "1m" },
    "container.log-option: unknown log opt 'max-size' for none log driver (it has no options)",
  ],
  ["json-file", { mode: "x" }, "container.log-option: logger: logging mode not supported: x"],
  [
    "json-file",
    { "max-buffer-size": "1m" },
    "container.log-option: logger: max-buffer-size option is only supported with 'mode=non-blocking'",
  ],
  [
    "json-file",
    { mode: "non-blocking", "max-buffer-size": "x" },
    "container.log-option: invalid log option max-buffer-size",
  ],
  [
    "json-file",
    { compress: "maybe" },
    'container.log-option: invalid log option compress: found "maybe", wanted a boolean',
  ],
  [
    "json-file",
    { "env-regex": "[" },
    'container.log-option: invalid log option env-regex: "[" is no regular expression',
  ],
  ["json-file", { tag: "{{.Nope}}" }, 'container.log-option: invalid log option tag: "{{.Nope}}", wanted'],
  ["json-file", { tag: "{{if .ID}}x{{end}}" }, "container.log-option: invalid log option tag"],
  ["json-file", { "max-size": "ten" }, "container.log-option: invalid log option max-size: ten"],
  ["json-file", { "max-file": "0" }, "container.log-option: invalid log option max-file: 0"],
])("%s with %p is refused", (driver, options, text) => {
  expect(told(driver, options)).toStartWith(text);
});

test("inspect shows the limits that hold", () => {
  expect(mergeHostConfig({}, { remove: false, cgroupMode: "v1" }).LogConfig).toEqual({
    Type: "json-file",
    Config: { "max-file": "5", "max-size": "20m" },
  });
  expect(
    mergeHostConfig(
      { LogConfig: { Type: "local", Config: { "max-size": "1m" } } },
      { remove: false, cgroupMode: "v1" },
    ).LogConfig,
  ).toEqual({
    Type: "local",
    Config: { "max-file": "5", "max-size": "1m" },
  });
  expect(
    mergeHostConfig({ LogConfig: { Type: "none" } }, { remove: false, cgroupMode: "v1" }).LogConfig,
  ).toEqual({
    Type: "none",
    Config: {},
  });
});

test("a configuration is decoded once", () => {
  const options = { "max-size": "1k", "max-file": "2", labels: "a,b", "env-regex": "^X", tag: "{{.Name}}" };
  expect(decodeLogConfig({ Type: "json-file", Config: options }).log).toEqual({
    kind: "files",
    fileBytes: 1024,
    files: 2,
    details: { labels: ["a", "b"], environment: [], environmentPattern: "^X", tag: "{{.Name}}" },
  });
  expect(decodeLogConfig({ Type: "none" }).log).toEqual({ kind: "none" });
});
