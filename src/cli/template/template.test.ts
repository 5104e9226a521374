import { describe, expect, test } from "bun:test";
import { join } from "node:path";
import { goDocument, Template, TemplateError, type TemplateOptions } from "./mod.ts";

interface Case {
  readonly template: string;
  readonly text?: string;
  readonly error?: string;
}

interface Cases {
  readonly data: unknown;
  readonly cases: readonly Case[];
}

const folder = join(import.meta.dir, "cases");
const file = join(folder, "templates.json");
const { data, cases }: Cases = await Bun.file(file).json();

function run(
  source: string,
  value: unknown = data,
  options: TemplateOptions = { missingKeyFails: true },
): Case {
  try {
    return { template: source, text: new Template(source).run(value, options) };
  } catch (thrown) {
    if (!(thrown instanceof TemplateError)) throw thrown;
    return { template: source, error: thrown.message };
  }
}

describe("what Go's own text/template makes of it", () => {
  test.each(cases.map((one) => [JSON.stringify(one.template).replaceAll("%", "%%"), one] as const))(
    "%s",
    (_title, wanted) => expect(run(wanted.template)).toEqual(wanted),
  );

  test("there are cases of every kind of answer", () => {
    expect(cases.length).toBeGreaterThan(400);
    expect(cases.every(({ text, error }) => (text === undefined) !== (error === undefined))).toBe(true);
  });

  const go = Bun.which("go");
  test.skipIf(go === null)("the expected texts are those of the Go that is installed here", () => {
    const { exitCode, stdout, stderr } = Bun.spawnSync(
      ["go", "run", "oracle.go", "-check", "templates.json"],
      {
        cwd: folder,
        env: { ...process.env, GOPROXY: "off", GOFLAGS: "-mod=mod", GOTOOLCHAIN: "local" },
      },
    );
    expect({ exitCode, out: stdout.toString() + stderr.toString() }).toEqual({ exitCode: 0, out: "" });
  });
});

// The expected texts are those of docker 28.2's inspect.
describe("what Docker's structs add to the JSON", () => {
  const document = goDocument(
    {
      Id: "abc",
      HostConfig: { Binds: null, CpuShares: 7, PidsLimit: null, Dns: ["1.1.1.1"] },
      Config: { Volumes: null, Labels: null },
      State: { Health: null },
      GraphDriver: { Data: { UpperDir: "/u" } },
      NetworkSettings: { Networks: { base: { IPAddress: "1.2.3.4" } }, Ports: {} },
      ["__proto__"]: 1,
    },
    "container.InspectResponse",
  );

  test.each([
    ["{{.ID}} {{.HostConfig.CPUShares}} {{.HostConfig.DNS}}", "abc 7 [1.1.1.1]"],
    [
      "{{.HostConfig.Binds}} {{.Config.Volumes}} {{.HostConfig.PidsLimit}} {{.State.Health}}",
      "[] map[] <nil> <nil>",
    ],
    ["{{json .HostConfig.Binds}} {{json .HostConfig.LogConfig}}", 'null {"Type":"","Config":null}'],
    ["{{len .HostConfig.Binds}}{{range .HostConfig.Binds}}x{{else}}none{{end}}", "0none"],
    ["{{if .State.Health}}x{{else}}unknown{{end}}", "unknown"],
    [
      "{{.Config.Labels.zz}} {{.GraphDriver.Data.zz}} {{.GraphDriver.Data.UpperDir}}",
      "<no value> <no value> /u",
    ],
    ["{{with .Config.Labels.zz}}x{{else}}none{{end}} {{json .Config.Volumes.zz}}", "none null"],
    [
      "{{.NetworkSettings.Networks.zz.IPAddress}} {{.NetworkSettings.Networks.base.IPAddress}}",
      "<no value> 1.2.3.4",
    ],
    ['{{index .Config.Labels "a"}}|{{join .HostConfig.Binds ","}}|', "||"],
    ["{{eq .State.Health nil}} {{printf `%v %d` .HostConfig.Binds .State.Health}}", "true [] 0"],
  ])("%s", (source, text) => expect(run(source, document, {})).toEqual({ template: source, text }));
});

// The expected texts are those of docker 28.2's inspect.
describe("lengths of time in Docker's structs", () => {
  const document = goDocument(
    { Config: { Healthcheck: { Test: ["NONE"], Interval: 50_000_000 } } },
    "container.InspectResponse",
  );
  test.each([
    ["{{.Config.Healthcheck.Interval}} {{.Config.Healthcheck.Timeout}}", "50ms 0s"],
    ["{{json .Config.Healthcheck}}", '{"Test":["NONE"],"Interval":50000000}'],
    [
      "{{with .Config.Healthcheck}}{{printf `%d %s %v %q %8v` .Interval .Interval .Interval .Interval .Interval}}{{end}}",
      '50000000 50ms 50ms "50ms"     50ms',
    ],
    ["{{eq .Config.Healthcheck.Interval 50000000}} {{gt .Config.Healthcheck.Interval 1}}", "true true"],
    ["{{printf `%T` .Config.Healthcheck.Interval}}", "time.Duration"],
    ["{{if .Config.Healthcheck.Timeout}}x{{else}}none{{end}}", "none"],
  ])("%s", (source, text) => expect(run(source, document, {})).toEqual({ template: source, text }));
});

test("a template that never ends its own calls, and one nested without end, are refused", () => {
  expect(run('{{define "r"}}{{template "r" .}}{{end}}{{template "r" .}}').error).toBe(
    'template: :1:25: executing "r" at <{{template "r" .}}>: exceeded maximum template depth (400)',
  );
  expect(run(`{{${"(".repeat(100_000)}`).error).toBe("template: :1: max expression depth exceeded");
});

test("a document's fields that it leaves out are those of Go's zero values, and none of JSON's", () => {
  const document = goDocument({ HostConfig: { Binds: null }, Config: {} }, "container.InspectResponse");
  const source =
    "{{.HostConfig.NanoCPUs}}|{{.HostConfig.Init}}|{{.Config.StopSignal}}|{{.State}}|{{json .GraphDriver}}";
  expect(run(source, document, {}).text).toBe('0|<nil>||<nil>|{"Data":null,"Name":""}');
});

test("names that every JavaScript object answers to are no fields", () => {
  for (const name of ["constructor", "__proto__", "toString"]) {
    const document = goDocument({ Config: { Labels: { a: "b" } } }, "container.InspectResponse");
    expect(run(`{{.Config.${name}}}`, document, {}).error).toContain(`can't evaluate field ${name}`);
    expect(run(`{{.Config.Labels.${name}}}`, document, {}).text).toBe("<no value>");
    expect(run(`{{index .Config.Labels "${name}"}}`, document, {}).text).toBe("");
  }
});
