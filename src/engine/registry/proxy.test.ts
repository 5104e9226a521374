import { expect, test } from "bun:test";
import { proxyChoice } from "./proxy.ts";

const environment = {
  HTTP_PROXY: "proxy.example:3128",
  https_proxy: "http://user:word@secure.example:8080",
  NO_PROXY: "internal.example, .below.example,10.0.0.0/8,exact.example:8443,*.star.example",
};

/** A host with a port, which nobody listens on. */
const at = (host: string, port: number): string => `https://${host}:${port}`;

test.each([
  ["http://registry.example/", "http://proxy.example:3128"],
  ["https://registry.example/", "http://user:word@secure.example:8080"],
  ["https://internal.example/", undefined],
  [at("a.internal.example", 5000), undefined],
  ["https://notinternal.example/", "http://user:word@secure.example:8080"],
  ["https://below.example/", "http://user:word@secure.example:8080"],
  ["https://a.below.example/", undefined],
  [at("10.1.2.3", 5000), undefined],
  ["https://11.1.2.3/", "http://user:word@secure.example:8080"],
  [at("exact.example", 8443), undefined],
  ["https://exact.example/", "http://user:word@secure.example:8080"],
  ["https://a.star.example/", undefined],
  [at("localhost", 5000), undefined],
  [at("127.0.0.2", 5000), undefined],
  [at("[::1]", 5000), undefined],
])("%s goes through %s", (url, proxy) => {
  expect(proxyChoice(environment)(new URL(url))).toBe(proxy);
});

test("without variables there is no proxy, and * excepts everything", () => {
  expect(proxyChoice({})(new URL("https://a.example"))).toBeUndefined();
  expect(proxyChoice({ ...environment, NO_PROXY: "*" })(new URL("https://a.example"))).toBeUndefined();
});
