/**
 * Writes what is derived from other sources: the C header of the executor, the reference pages of operations, API, command
 * line and error codes, and what the Chinese README shows of the English one. `bun tools/generate.ts --check` writes nothing and exits 1 when a file is stale.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { layouts } from "../src/abi/all-layouts.ts";
import { engineFront, front, helper, likeness } from "../src/abi/front.ts";
import { type FieldLayout, headerBytes, type OpLayout } from "../src/abi/layout.ts";
import {
  abiVersion,
  attachFlags,
  controlFd,
  executorName,
  type FieldType,
  headerFields,
  lateOutputMs,
  limits,
  logFlags,
  logNamePrefix,
  logRecord,
  messages,
  missingTarget,
  opTimeUnitNs,
  phases,
  pidBytes,
  planMagic,
  recordBytes,
  recordFields,
  recordMagic,
  recordStates,
  type Stage,
  slotNone,
  slotReference,
  stages,
  stringNone,
} from "../src/abi/schema.ts";
import { configSchema } from "../src/main/config-file.ts";
import { withBlocksOf } from "./chinese-readme.ts";
import { clientsPage } from "./clients.ts";
import { dockerCommandsPage } from "./docker-commands-page.ts";
import { programsPage } from "./programs-page.ts";
import { apiPage, commandsPage, errorsPage, fieldsPage, labPage } from "./reference-pages.ts";

const notice = "Generated from src/abi/schema.ts by tools/generate.ts; edits here are lost.";

function snake(name: string): string {
  return name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
}

function upper(name: string): string {
  return snake(name).replace(/\W/g, "_").toUpperCase();
}

/** `errno` is a macro in C. */
function cName(field: string): string {
  return field === "errno" ? "error" : snake(field);
}

function hex(value: number): string {
  return `0x${value.toString(16)}u`;
}

function quoted(text: string): string {
  return JSON.stringify(text);
}

const cTypes: Readonly<Record<FieldType, string>> = {
  u32: "uint32_t",
  i32: "int32_t",
  u64: "uint64_t",
  i64: "int64_t",
  slot: "uint32_t",
  slotOrNone: "uint32_t",
  newSlot: "uint32_t",
  newSlotOrNone: "uint32_t",
  string: "uint32_t",
  stringOrNone: "uint32_t",
  strings: "struct abi_range",
  blob: "struct abi_range",
};

function enumOf(
  name: string,
  prefix: string,
  values: readonly (readonly [string, number | string])[],
): string {
  const rows = values.map(([key, value]) => `  ${prefix}${upper(key)} = ${value},`);
  return `enum ${name} {\n${rows.join("\n")}\n};\n`;
}

function structOf(
  name: string,
  rows: readonly string[],
  asserts: readonly string[],
  attributes = "",
): string {
  const body = rows.map((row) => `  ${row};`).join("\n");
  return [`struct ${name} {\n${body}\n}${attributes};`, ...asserts, ""].join("\n");
}

function assertSize(name: string, bytes: number): string {
  return `_Static_assert(sizeof(struct ${name}) == ${bytes}, "size of ${name}");`;
}

function opStruct(layout: OpLayout): string {
  const name = `op_${snake(layout.name)}`;
  const rows = layout.fields.map((field) => `${cTypes[field.type]} ${snake(field.name)}`);
  const last = layout.fields.at(-1);
  const asserts = last
    ? [`_Static_assert(offsetof(struct ${name}, ${snake(last.name)}) == ${last.offset}, "end of ${name}");`]
    : [];
  // The explicit alignment makes sizeof equal to the record size, which is a multiple of 8.
  const header = "_Alignas(8) struct abi_op_header header";
  const steps = layout.schema.steps.map((step, index) => [`${layout.name}_${step}`, index] as const);
  return `${structOf(name, [header, ...rows], [assertSize(name, layout.size), ...asserts])}${enumOf(`step_${snake(layout.name)}`, "STEP_", steps)}`;
}

function wireStruct(name: string, fields: Readonly<Record<string, "u32" | "u64">>): string {
  const rows = Object.entries(fields).map(([field, type]) => `${cTypes[type]} ${cName(field)}`);
  if (rows.length === 0) return "";
  const bytes = Object.values(fields).reduce((sum, type) => sum + (type === "u64" ? 8 : 4), 0);
  // Packed: a 32-bit field may stand in front of a 64-bit one.
  return structOf(name, rows, [assertSize(name, bytes)], " __attribute__((packed))");
}

function fieldKind({ type }: FieldLayout): string {
  return `FIELD_${upper(type)}`;
}

function layoutTables(all: readonly OpLayout[]): string {
  const kinds = enumOf(
    "abi_field_kind",
    "FIELD_",
    Object.keys(cTypes).map((type, index) => [type, index] as const),
  );
  const fields = all
    .filter((layout) => layout.fields.length > 0)
    .map((layout) => {
      const rows = layout.fields.map((field) => `{${fieldKind(field)}, ${field.offset}}`);
      return `static const struct abi_field fields_${snake(layout.name)}[] = {${rows.join(", ")}};`;
    });
  const stageMask = (layout: OpLayout): number =>
    layout.schema.stages.reduce((mask: number, stage: Stage) => mask | (1 << stages[stage]), 0);
  const rows = all.map((layout) => {
    const count = layout.fields.length;
    const list = count > 0 ? `fields_${snake(layout.name)}` : "NULL";
    return `  [OP_${upper(layout.name)}] = {${layout.size}, ${stageMask(layout)}, ${count}, ${list}},`;
  });
  const lastCode = Math.max(...all.map((layout) => layout.schema.code));
  return `/* What the decoder checks for every op; only decode.c wants it. */
#ifdef ABI_WANT_LAYOUT
${kinds}struct abi_field {
  uint16_t kind;
  uint16_t offset;
};
struct abi_layout {
  uint16_t size; /* 0: no such op */
  uint8_t stages; /* bit n: allowed in stage n */
  uint8_t field_count;
  const struct abi_field *fields;
};
${fields.join("\n")}
static const struct abi_layout abi_layouts[${lastCode + 1}] = {
${rows.join("\n")}
};
#endif
`;
}

function cHeader(): string {
  const all = [...layouts.values()];
  const constants = [
    ["PLAN_MAGIC", hex(planMagic)],
    ["ABI_VERSION", String(abiVersion)],
    ["RECORD_MAGIC", hex(recordMagic)],
    ["SLOT_NONE", hex(slotNone)],
    ["STRING_NONE", hex(stringNone)],
    ["EXECUTOR_NAME", quoted(executorName)],
    ["CONTROL_FD", String(controlFd)],
    ["PID_BYTES", `${pidBytes}u`],
    ["LATE_OUTPUT_MS", `${lateOutputMs}u`],
    ["OP_TIME_UNIT_NS", `${opTimeUnitNs}u`],
    ["LOG_NAME_PREFIX", quoted(logNamePrefix)],
    ["SLOT_REFERENCE_PATH", quoted(slotReference.path)],
    ["SLOT_REFERENCE_NUMBER", quoted(slotReference.number)],
    ...Object.entries(limits).map(([name, value]) => [`LIMIT_${upper(name)}`, `${value}u`]),
    ...Object.entries(logRecord).map(([name, value]) => [`LOG_${upper(name)}`, `${value}u`]),
  ].map(([name, value]) => `#define ${name} ${value}`);
  const parts = [
    `/* ${notice} */\n#ifndef TIFFIN_ABI_H\n#define TIFFIN_ABI_H\n\n#include <stddef.h>\n#include <stdint.h>\n`,
    `${constants.join("\n")}\n`,
    structOf(
      "abi_header",
      headerFields.map((field) => `uint32_t ${snake(field)}`),
      [assertSize("abi_header", headerBytes)],
    ),
    structOf("abi_op_header", ["uint16_t code", "uint16_t size", "uint16_t stage", "uint16_t flags"], []),
    "/* A reference into the pool: `offset` and how many strings or bytes lie there. */\n" +
      structOf("abi_range", ["uint32_t offset", "uint32_t count"], []),
    enumOf("abi_stage", "STAGE_", Object.entries(stages)),
    enumOf(
      "abi_op",
      "OP_",
      all.map((layout) => [layout.name, layout.schema.code] as const),
    ),
    ...all.map(opStruct),
    enumOf("abi_missing_target", "MISSING_TARGET_", Object.entries(missingTarget)),
    enumOf("abi_phase", "PHASE_", Object.entries(phases)),
    enumOf("abi_record_state", "RECORD_", Object.entries(recordStates)),
    enumOf("abi_attach", "ATTACH_", Object.entries(attachFlags)),
    enumOf("abi_log_flag", "LOG_FLAG_", Object.entries(logFlags)),
    enumOf(
      "abi_message",
      "MESSAGE_",
      Object.entries(messages).map(([name, { type }]) => [name, type] as const),
    ),
    structOf("abi_message_header", ["uint32_t type", "uint32_t body_bytes"], []),
    ...Object.entries(messages).map(([name, { fields }]) => wireStruct(`message_${snake(name)}`, fields)),
    structOf(
      "abi_record",
      Object.entries(recordFields).map(([field, type]) => `${cTypes[type]} ${snake(field)}`),
      [`_Static_assert(sizeof(struct abi_record) <= ${recordBytes}, "size of abi_record");`],
    ),
    `#define RECORD_BYTES ${recordBytes}\n`,
    layoutTables(all),
    "#endif\n",
  ];
  return parts.filter((part) => part !== "").join("\n");
}

/** What the front shares with the helper and the compiled program. Lists are the rows of an array. */
function frontHeader(): string {
  const list = (words: readonly string[]): string => words.map(quoted).join(", ");
  const constants: readonly (readonly [string, string])[] = [
    ["PROGRAM_NAME", quoted(front.programName)],
    ["PROGRAM_OFFSET", hex(front.programOffset)],
    ["LOST_DIRECTORY", quoted(front.lostDirectory)],
    ["LEAST_FILES", `${front.leastFiles}u`],
    ["COMMAND_LINE_NAME", quoted(front.commandLineName)],
    ["ENGINE_ADDRESS_VARIABLES", list(engineFront.addressVariables.map((name) => `${name}=`))],
    ["ENGINE_CONTEXT_VARIABLES", list(engineFront.contextVariables.map((name) => `${name}=`))],
    ["ENGINE_CONTEXT_FILE", JSON.stringify(engineFront.contextFile)],
    ["ENGINE_SCHEME", quoted(engineFront.scheme)],
    ["ENGINE_DEFAULT_PATH", quoted(engineFront.defaultPath)],
    ["ENGINE_SUFFIX", quoted(engineFront.suffix)],
    ["ENGINE_LOST_TEXT_BYTES", `${engineFront.lostTextBytes}u`],
    ["ENGINE_VARIABLE", quoted(engineFront.variable)],
    ["HELPER_DIRECTORY", quoted(`${helper.stateDirectory}/${helper.socketDirectory}/`)],
    ["HELPER_NAME_DIGITS", String(helper.nameDigits)],
    ["HELPER_VARIABLE", quoted(helper.variable)],
    ["HELPER_OFF", quoted(helper.off)],
    ["HELPER_ASKED_VARIABLE", quoted(helper.askedVariable)],
    ["HELPER_REQUEST_BYTES", `${helper.requestBytes}u`],
    ["HELPER_REQUEST_FDS", String(helper.requestFds)],
    ["LIKENESS_NAMESPACES", list(likeness.namespaces.map((name) => `ns/${name}`))],
    ["LIKENESS_RIGHTS", list(likeness.rights.map((field) => `${field}:`))],
  ];
  const rows = constants.map(([name, value]) => `#define ${name} ${value}`);
  const origin = notice.replace("schema.ts", "front.ts");
  return `/* ${origin} */\n#ifndef TIFFIN_FRONT_ABI_H\n#define TIFFIN_FRONT_ABI_H\n\n${rows.join("\n")}\n\n#endif\n`;
}

function operationsPage(): string {
  const rows = [...layouts.values()].map(({ name, schema, fields }) => {
    const list = fields.map((field) => `\`${field.name}\` ${field.type}`).join(", ") || "none";
    const cell = (text: string): string => text.replaceAll("|", "\\|");
    return `| ${schema.code} | \`${name}\` | ${schema.stages.join(", ")} | ${cell(schema.doc)} | ${list} | ${schema.steps.join(", ")} |`;
  });
  return `# Operations of the executor

<!-- ${notice} -->

A plan is a list of these. \`prepare\` ops run in the supervisor before the clone, \`parent\` ops in the supervisor
after it, \`child\` ops in the new process. A failure names the op, one of its steps, the errno and the object.

| Code | Name | Stages | What it does | Fields | Steps |
| --- | --- | --- | --- | --- | --- |
${rows.join("\n")}
`;
}

const root = join(import.meta.dir, "..");
const outputs = [
  { path: "executor/generated/abi.h", text: cHeader() },
  { path: "executor/generated/front.h", text: frontHeader() },
  { path: "docs/reference/operations.md", text: operationsPage() },
  { path: "docs/reference/api.md", text: apiPage() },
  { path: "docs/reference/fields.md", text: fieldsPage() },
  { path: "docs/reference/clients.md", text: clientsPage() },
  { path: "docs/reference/docker-commands.md", text: await dockerCommandsPage() },
  { path: "docs/reference/commands.md", text: await commandsPage() },
  { path: "docs/reference/lab.md", text: labPage() },
  {
    path: "docs/reference/tiffin.schema.json",
    text: `${JSON.stringify(configSchema(), undefined, 2)}\n`,
  },
  { path: "docs/reference/programs.md", text: programsPage(join(root, "src")) },
  { path: "docs/reference/errors.md", text: errorsPage(join(root, "src")) },
  {
    path: "README.zh-CN.md",
    text: withBlocksOf(current(join(root, "README.md")), current(join(root, "README.zh-CN.md"))),
  },
];

function current(path: string): string {
  try {
    return readFileSync(path, "utf8");
  } catch {
    return "";
  }
}

const isCheck = process.argv.includes("--check");
const stale = outputs.filter(({ path, text }) => current(join(root, path)) !== text);
for (const { path, text } of stale) {
  if (isCheck) {
    console.error(`${path} is stale: run bun tools/generate.ts`);
    continue;
  }
  mkdirSync(dirname(join(root, path)), { recursive: true });
  writeFileSync(join(root, path), text);
  console.log(`wrote ${path}`);
}
if (isCheck && stale.length > 0) process.exit(1);
