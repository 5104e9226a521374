import { expect, test } from "bun:test";
import { addressesIn, foundAt, hostsAddresses, nameQuery, nameServerOf } from "./ask-name.ts";

test("a question is one name of labels, and no label is empty or too long", () => {
  expect(nameQuery("web.one")?.slice(12)).toEqual(
    Uint8Array.of(3, 119, 101, 98, 3, 111, 110, 101, 0, 0, 1, 0, 1),
  );
  for (const name of ["", "a..b", "x".repeat(64)]) expect(nameQuery(name)).toBeUndefined();
});

test("addresses of an answer are found, behind aliases, and hostile bytes give none", () => {
  const question = nameQuery("web") ?? new Uint8Array(0);
  const alias = [0xc0, 12, 0, 5, 0, 1, 0, 0, 0, 9, 0, 2, 0xc0, 12];
  const address = [0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 9, 0, 4, 10, 0, 0, 5];
  const answer = Uint8Array.from([...question, ...alias, ...address]);
  answer[7] = 2;
  expect(addressesIn(answer, "a")).toEqual([Uint8Array.of(10, 0, 0, 5)]);
  expect(addressesIn(answer, "aaaa")).toEqual([]);
  for (let length = 0; length < answer.length; length += 1) {
    expect(addressesIn(answer.subarray(0, length), "a")).toEqual([]);
  }
  expect(addressesIn(new Uint8Array(64).fill(255), "a")).toEqual([]);
  expect(nameQuery("web", "aaaa")?.slice(-4)).toEqual(Uint8Array.of(0, 28, 0, 1));
  const six = [0xfd, ...Array<number>(14).fill(0), 5];
  const both = Uint8Array.from([...question, 0xc0, 12, 0, 28, 0, 1, 0, 0, 0, 9, 0, 16, ...six, ...address]);
  both[7] = 2;
  expect(addressesIn(both, "aaaa")).toEqual([Uint8Array.from(six)]);
  expect(addressesIn(both, "a")).toEqual([Uint8Array.of(10, 0, 0, 5)]);
});

test("of several addresses the first IPv4 one is followed, and the others are told", () => {
  const [four, six] = [Uint8Array.of(10, 0, 0, 5), new Uint8Array(16).fill(1)];
  expect(foundAt("x", [six, four])).toEqual({ kind: "found", by: "x", address: four, also: [six] });
  expect(foundAt("x", [six])).toEqual({ kind: "found", by: "x", address: six, also: [] });
  expect(foundAt("x", [])).toBeUndefined();
});

test("a file of hosts is read without its remarks, and the first name server counts", () => {
  expect(hostsAddresses("# 10.0.0.1 web\n10.0.0.2 a WEB # web\n10.0.0.3 x # web\n::1 web", "web")).toEqual([
    Uint8Array.of(10, 0, 0, 2),
    Uint8Array.from([...Array<number>(15).fill(0), 1]),
  ]);
  expect(hostsAddresses("", "web")).toEqual([]);
  expect(nameServerOf("search x\nnameserver 10.0.0.53\nnameserver 10.0.0.54")).toBe("10.0.0.53");
  expect(nameServerOf("")).toBe("127.0.0.1");
});
