import { describe, expect, test } from "bun:test";
import { PlainFailure } from "../exit-reports.ts";
import { documentFormat } from "./document-format.ts";

const container = { Name: "/web", Args: ["-c", "echo <hi>"], State: { Pid: 7 } };

// The expected texts and exit codes are those of docker 28.2's inspect, info and version.
describe("the format of a document", () => {
  test("json and the function json do not escape for web pages; backslashes are what they are", async () => {
    const show = async (format: string): Promise<string> => (await documentFormat(format))(container);
    expect(await show("json")).toBe('{"Name":"/web","Args":["-c","echo <hi>"],"State":{"Pid":7}}');
    expect(await show("{{json .Args}}")).toBe('["-c","echo <hi>"]');
    expect(await show("a\\tb\\n")).toBe("a\\tb\\n");
  });

  test("a template that cannot be read ends with 64", async () => {
    expect(await documentFormat("{{.Name").catch((thrown: unknown) => thrown)).toEqual(
      new PlainFailure("template parsing error: template: :1: unclosed action", 64),
    );
    expect(
      await documentFormat("{{.A", { templateName: "version" }).catch((thrown: unknown) => thrown),
    ).toEqual(new PlainFailure("template parsing error: template: version:1: unclosed action", 64));
  });

  test("one that fails on its document says where", async () => {
    const inspect = await documentFormat("{{.State.Nope}}", {
      failurePrefix: "template parsing error: ",
      fallsBack: true,
    });
    expect(() => inspect(container, "container.InspectResponse")).toThrow(
      new Error(
        'template parsing error: template: :1:8: executing "" at <.State.Nope>: map has no entry for key "Nope"',
      ),
    );
    const version = await documentFormat("{{.Nope}}", { templateName: "version" });
    expect(() => version({ Client: {} }, "system.versionInfo")).toThrow(
      new Error(
        'template: version:1:2: executing "version" at <.Nope>: can\'t evaluate field Nope in type system.versionInfo',
      ),
    );
  });
});
