import { expect, test } from "bun:test";
import type { LogDetails } from "../specification/specification.ts";
import { logDetails } from "./log-details.ts";

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
  const nothing = { labels: [], environment: [], tag: "" };
  const detailsOf = (details: Partial<LogDetails>): string =>
    logDetails({ ...subject, details: { ...nothing, ...details } });
  expect(detailsOf({})).toBe("");
  expect(detailsOf({ labels: ["a", "b"], environment: ["X", "missing"], tag: "{{.Name}}/{{.ID}}" })).toBe(
    "X=y%3Dz,a=1+%26+more,b=2,tag=web%2F0123456789ab",
  );
  expect(detailsOf({ labelsPattern: "^b", environmentPattern: "^N" })).toBe("NX=1,b=2");
});
