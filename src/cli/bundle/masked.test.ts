import { expect, test } from "bun:test";
import { maskedDocuments } from "./masked.ts";

const maskedDocument = (document: unknown): unknown => maskedDocuments(new Map([["it", document]])).get("it");

test("values of variables are gone wherever they stand, names stay", () => {
  const document = {
    Config: {
      Env: ["PATH=/bin", "TOKEN=swordfish", "EMPTY=", "SHORT=1"],
      Cmd: ["run", "--with=swordfish", "1"],
    },
    Args: ["-c", "curl -H 'X: swordfish'"],
  };
  expect(maskedDocument(document)).toEqual({
    Config: { Env: ["PATH=/bin", "TOKEN=***", "EMPTY=***", "SHORT=***"], Cmd: ["run", "--with=***", "***"] },
    Args: ["-c", "***"],
  });
});

test("of labels, annotations, options and a log's receiver only the names stay", () => {
  const document = {
    Labels: { "auth.users": "me:$apr1$x" },
    Options: { o: "password=swordfish" },
    HostConfig: { LogConfig: { Type: "splunk", Config: { "splunk-token": "abc" } }, Annotations: { a: "b" } },
  };
  expect(maskedDocument(document)).toEqual({
    Labels: { "auth.users": "***" },
    Options: { o: "***" },
    HostConfig: {
      LogConfig: { Type: "splunk", Config: { "splunk-token": "***" } },
      Annotations: { a: "***" },
    },
  });
});

test("a password in a word or in an address is gone", () => {
  expect(
    maskedDocument({
      Note: ["--db-password=hunter2", "api_key:abc", "--port=80"],
      Mirror: "https://me:pw@host/x",
    }),
  ).toEqual({
    Note: ["--db-password=***", "api_key:***", "--port=80"],
    Mirror: "https://***@host/x",
  });
});

test("what is no text is as it was", () => {
  expect(maskedDocument([1, null, true, { Env: null }])).toEqual([1, null, true, { Env: null }]);
});

test("a value is gone from the documents of others, too", () => {
  const documents = new Map<string, unknown>([
    ["list", [{ Command: "sh -c 'echo swordfish'" }]],
    ["one", { Env: ["TOKEN=swordfish"] }],
  ]);
  expect(maskedDocuments(documents).get("list")).toEqual([{ Command: "sh ***" }]);
});

test("of a command the program stays, and the names of its options", () => {
  const words = ["mysql", "-psoup", "--password", "soup", "--host=kitchen", "-u", "cook", "SOUP=1", "a b"];
  const kept = ["mysql", "-p***", "--password", "***", "--host=***", "-u", "***", "***", "***"];
  expect(maskedDocument({ Cmd: words, Path: "mysql", Args: words.slice(1) })).toEqual({
    Cmd: kept,
    Path: "mysql",
    Args: kept.slice(1),
  });
  expect(maskedDocument({ Entrypoint: ["mysql"], Cmd: ["soup"] })).toEqual({
    Entrypoint: ["mysql"],
    Cmd: ["***"],
  });
  expect(maskedDocument({ Healthcheck: { Test: ["CMD-SHELL", "curl -u cook:soup kitchen"] } })).toEqual({
    Healthcheck: { Test: ["CMD-SHELL", "***"] },
  });
  expect(
    maskedDocument({ Cmd: null, Command: "cat", plan: `exec  sh  ["sh","-c","echo \\"soup\\""] from /bin` }),
  ).toEqual({
    Cmd: null,
    Command: "cat",
    plan: `exec  sh  ["sh","-c","***"] from /bin`,
  });
});
