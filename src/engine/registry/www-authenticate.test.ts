import { expect, test } from "bun:test";
import { parseChallenges } from "./www-authenticate.ts";

const plain = (header: string): unknown =>
  parseChallenges(header).map(({ scheme, parameters }) => [scheme, Object.fromEntries(parameters)]);

test("a bearer challenge with its realm, service and scope", () => {
  expect(
    plain(
      'Bearer realm="https://auth.example.com/token?a=b,c",service="registry",scope="repository:a/b:pull,push"',
    ),
  ).toEqual([
    [
      "bearer",
      {
        realm: "https://auth.example.com/token?a=b,c",
        service: "registry",
        scope: "repository:a/b:pull,push",
      },
    ],
  ]);
});

test("several challenges in one header, unquoted values, odd spaces and escapes", () => {
  expect(plain('Basic realm="a \\"b\\"" , Bearer realm = x , service=y')).toEqual([
    ["basic", { realm: 'a "b"' }],
    ["bearer", { realm: "x", service: "y" }],
  ]);
  expect(plain("Negotiate, BASIC realm=x")).toEqual([
    ["negotiate", {}],
    ["basic", { realm: "x" }],
  ]);
});

test("what is no challenge gives none, and what is broken ends the list", () => {
  expect(plain("")).toEqual([]);
  expect(plain('"')).toEqual([]);
  expect(plain('Bearer realm="open')).toEqual([["bearer", {}]]);
  expect(plain(`Bearer realm="${"a".repeat(20_000)}"`)).toEqual([]);
});
