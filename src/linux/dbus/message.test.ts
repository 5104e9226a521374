import { describe, expect, test } from "bun:test";
import { socketPathsOf } from "./address.ts";
import { type DbusMessage, decodeMessage, encodeCall, messageLength } from "./message.ts";
import { DbusFormatError, parseSignature } from "./signature.ts";
import { DbusReader, type DbusValue, DbusWriter, variant } from "./value.ts";

/** What dbus-daemon 1.14 answers to Hello, to a method that it does not have, and to a question for a property. */
const captured = Buffer.from(
  "6c02010109000000010000003d00000006017300040000003a312e30000000000501750001000000080167000173000007017300140000006f" +
    "72672e667265656465736b746f702e4442757300000000040000003a312e30006c04010109000000020000008d00000001016f001500000" +
    "02f6f72672f667265656465736b746f702f4442757300000002017300140000006f72672e667265656465736b746f702e44427573000000" +
    "00030173000c0000004e616d6541637175697265640000000006017300040000003a312e300000000008016700017300000701730014000" +
    "0006f72672e667265656465736b746f702e4442757300000000040000003a312e30006c0301013c00000003000000750000000601730004" +
    "0000003a312e300000000004017300280000006f72672e667265656465736b746f702e444275732e4572726f722e556e6b6e6f776e4d657" +
    "4686f6400000000000000000501750002000000080167000173000007017300140000006f72672e667265656465736b746f702e44427573" +
    "00000000370000006f72672e667265656465736b746f702e4442757320646f6573206e6f7420756e6465727374616e64206d65737361676" +
    "5204e6f53756368006c0201013c000000040000003d00000006017300040000003a312e3000000000050175000300000008016700017600" +
    "0007017300140000006f72672e667265656465736b746f702e444275730000000002617300340000001a0000004163746976617461626c6" +
    "553657276696365734368616e67656400000f00000048656164657246696c746572696e6700",
  "hex",
);

function messagesIn(bytes: Uint8Array): DbusMessage[] {
  const found: DbusMessage[] = [];
  for (let rest = bytes; rest.length > 0; ) {
    const length = messageLength(rest) ?? Number.NaN;
    found.push(decodeMessage(rest.subarray(0, length)));
    rest = rest.subarray(length);
  }
  return found;
}

test("a bus's reply, signal, error and variant", () => {
  const seen = messagesIn(captured).map(({ kind, replySerial, member, errorName, body }) => {
    return { kind, replySerial, name: member + errorName, body };
  });
  expect(seen).toEqual([
    { kind: "reply", replySerial: 1, name: "", body: [":1.0"] },
    { kind: "signal", replySerial: 0, name: "NameAcquired", body: [":1.0"] },
    {
      kind: "error",
      replySerial: 2,
      name: "org.freedesktop.DBus.Error.UnknownMethod",
      body: ["org.freedesktop.DBus does not understand message NoSuch"],
    },
    {
      kind: "reply",
      replySerial: 3,
      name: "",
      body: [{ signature: "as", value: ["ActivatableServicesChanged", "HeaderFiltering"] }],
    },
  ]);
});

test("a call reads back as it was written", () => {
  const call = {
    destination: "org.freedesktop.systemd1",
    path: "/org/freedesktop/systemd1",
    interface: "org.freedesktop.systemd1.Manager",
    member: "StopUnit",
    signature: "ss",
    body: ["a.scope", "replace"],
  };
  const { kind, serial, path, interface: name, member, body } = decodeMessage(encodeCall(call, 7));
  expect({ kind, serial, path, name, member, body }).toEqual({
    kind: "call",
    serial: 7,
    path: call.path,
    name: call.interface,
    member: "StopUnit",
    body: call.body,
  });
});

describe("values", () => {
  function roundTrip(signature: string, values: readonly DbusValue[]): DbusValue[] {
    const writer = new DbusWriter();
    for (const [index, type] of parseSignature(signature).entries()) writer.value(type, values[index] ?? "");
    return new DbusReader(writer.bytes.slice()).values(signature);
  }

  test("come back with alignment in between", () => {
    const numbers = [255, -2, 65_535, -(2 ** 31), 2 ** 32 - 1, -(2n ** 63n), 2n ** 64n - 1n, 0.5];
    expect(roundTrip("ynqiuxtd", numbers)).toEqual(numbers);
    const properties = [
      ["Delegate", variant("b", true)],
      ["PIDs", variant("au", [1, 2])],
      ["AllowedCPUs", variant("ay", new Uint8Array([7]))],
      ["DeviceAllow", variant("a(ss)", [["/dev/null", "rw"]])],
      ["None", variant("a(sv)", [])],
    ];
    expect(roundTrip("ya(sv)g", [1, properties, "a{sv}"])).toEqual([1, properties, "a{sv}"]);
  });

  test.each([
    ["y", 256],
    ["u", -1],
    ["t", 1.5],
    ["s", 5],
    ["s", "a\0b"],
    ["v", "text"],
    ["as", "text"],
    ["(ss)", ["one"]],
  ] as const)("%s does not take %p", (signature, value) => {
    expect(() => roundTrip(signature, [value])).toThrow(DbusFormatError);
  });

  test.each(["a", "(", "(s", "()", "z", "a".repeat(100)])("%s is no signature", (signature) => {
    expect(() => parseSignature(signature)).toThrow(DbusFormatError);
  });
});

test("damaged messages are refused, whatever the damage", () => {
  for (let at = 0; at < 74; at += 1) {
    for (const value of [0, 1, 0x7f, 0xff]) {
      const bytes = new Uint8Array(captured.subarray(0, 89));
      bytes[at] = value;
      try {
        const length = messageLength(bytes);
        if (length !== undefined && length <= bytes.length) decodeMessage(bytes.subarray(0, length));
      } catch (thrown) {
        expect(thrown).toBeInstanceOf(DbusFormatError);
      }
    }
  }
});

test("addresses", () => {
  expect(socketPathsOf("unix:path=/run/bus,guid=1;tcp:host=x;unix:abstract=/tmp/x;unix:path=/a%20b")).toEqual(
    ["/run/bus", "/a b"],
  );
  expect(socketPathsOf("")).toEqual([]);
});
