import { expect, test } from "bun:test";
import { TiffinError } from "../../../lib/errors.ts";
import { checkLogConfig, logDetails } from "./log-options.ts";
import { mergeHostConfig } from "./merge.ts";

function told(Type: string, Config: Record<string, string>): string {
  try {
    return checkLogConfig({ Type, Config }).join("\n") || "accepted";
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
    "syslog",
    {},
    "container.log-driver: logger: no log driver named 'syslog' is registered (there are none, local, json-file)",
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

test("details are what the options name, sorted and escaped as Docker does it", () => {
  const subject = {
    labels: { b: "2", a: "1 & more", other: "no" },
    environment: ["X=y=z", "Z=q", "NX=1"],
    tagValues: {
      ID: "0123456789ab",
      FullID: "0123456789abcdef",
      Name: "web",
      ImageID: "i",
      ImageFullID: "sha256:i",
      ImageName: "base",
      Hostname: "h",
      Command: "sh",
      DaemonName: "tiffin",
    },
  };
  const detailsOf = (Config: Record<string, string>): string =>
    logDetails({ ...subject, config: { Type: "json-file", Config } });
  expect(detailsOf({})).toBe("");
  expect(detailsOf({ labels: "a,b", env: "X,missing", tag: "{{.Name}}/{{.ID}}" })).toBe(
    "X=y%3Dz,a=1+%26+more,b=2,tag=web%2F0123456789ab",
  );
  expect(detailsOf({ "labels-regex": "^b", "env-regex": "^N" })).toBe("NX=1,b=2");
});

test("inspect shows the limits that hold", () => {
  expect(mergeHostConfig({}, false).LogConfig).toEqual({
    Type: "json-file",
    Config: { "max-file": "5", "max-size": "20m" },
  });
  expect(
    mergeHostConfig({ LogConfig: { Type: "local", Config: { "max-size": "1m" } } }, false).LogConfig,
  ).toEqual({
    Type: "local",
    Config: { "max-file": "5", "max-size": "1m" },
  });
  expect(mergeHostConfig({ LogConfig: { Type: "none" } }, false).LogConfig).toEqual({
    Type: "none",
    Config: {},
  });
});
