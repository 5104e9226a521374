import { expect, test } from "bun:test";
import { BinaryWriter, WireType } from "@bufbuild/protobuf/wire";
import { decodeResponse, encodeRequest } from "./messages.ts";

test("a request is the bytes that criu's own definition makes of it", () => {
  const bytes = encodeRequest({
    type: "restore",
    options: {
      imagesDirectory: 5,
      leaveRunning: false,
      externalMounts: [{ key: "/a", value: "/b" }],
      inheritFds: [{ key: "pipe:[1]", fd: 2 }],
      external: ["net[7]:x"],
      lsmProfile: "p",
    },
    notifySuccess: true,
  });
  // Numbers and types by hand: 1 type, 2 opts {1 images_dir_fd, 3 leave_running, 23 ext_mnt, 27 inherit_fd, 37
  // external, 53 lsm_profile}, 3 notify_success.
  const options = [
    ...[0x08, 5, 0x18, 0],
    ...[0xba, 0x01, 8, 0x0a, 2, 0x2f, 0x61, 0x12, 2, 0x2f, 0x62],
    ...[0xda, 0x01, 12, 0x0a, 8, ...Buffer.from("pipe:[1]"), 0x10, 2],
    ...[0xaa, 0x02, 8, ...Buffer.from("net[7]:x")],
    ...[0xaa, 0x03, 1, 0x70],
  ];
  expect([...bytes]).toEqual([0x08, 2, 0x12, options.length, ...options, 0x18, 1]);
});

test("an answer: notification, pid, errors, version, features; unknown fields are skipped", () => {
  const writer = new BinaryWriter();
  writer.tag(1, WireType.Varint).int32(6).tag(2, WireType.Varint).bool(true);
  writer.tag(5, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.LengthDelimited).string("post-restore").tag(2, WireType.Varint).int32(42).join();
  writer.tag(4, WireType.LengthDelimited).fork().tag(1, WireType.Varint).int32(43).join();
  writer.tag(7, WireType.Varint).int32(17).tag(9, WireType.LengthDelimited).string("no");
  writer.tag(10, WireType.LengthDelimited).fork();
  writer.tag(1, WireType.Varint).int32(4).tag(2, WireType.Varint).int32(1);
  writer.tag(3, WireType.LengthDelimited).string("v4.1").join();
  writer.tag(8, WireType.LengthDelimited).fork().tag(1, WireType.Varint).bool(true).join();
  writer.tag(99, WireType.LengthDelimited).string("later");
  expect(decodeResponse(writer.finish())).toEqual({
    type: 6,
    success: true,
    restoredPid: 43,
    notification: { script: "post-restore", pid: 42 },
    errno: 17,
    errorMessage: "no",
    version: { major: 4, minor: 1 },
    features: { memoryTracking: true, lazyPages: false },
  });
});
