/** `linux.seccomp` of config.json. */
import {
  type OciSeccomp,
  type OciSeccompArgument,
  type OciSyscallRule,
  seccompActions,
  seccompOperators,
} from "../seccomp-spec.ts";
import {
  type Decoder,
  exactUint64,
  integer,
  list,
  object,
  oneOf,
  optional,
  required,
  text,
  uint32,
  wrong,
} from "./decoder.ts";

const action = oneOf(seccompActions);
const lastArgument = 5;

const argument = object<OciSeccompArgument>({
  index: required(integer(0, lastArgument)),
  value: required(exactUint64),
  valueTwo: optional(exactUint64),
  op: required(oneOf(seccompOperators)),
});

const syscallNames: Decoder<readonly string[]> = (value, path) => {
  const names = list(text)(value, path);
  if (names.length === 0) throw wrong(path, value, "at least one name");
  return names;
};

const rule = object<OciSyscallRule>({
  names: required(syscallNames),
  action: required(action),
  errnoRet: optional(uint32),
  args: optional(list(argument)),
});

export const seccompDecoder: Decoder<OciSeccomp> = object<OciSeccomp>({
  defaultAction: required(action),
  defaultErrnoRet: optional(uint32),
  architectures: optional(list(text)),
  flags: optional(list(text)),
  listenerPath: optional(text),
  listenerMetadata: optional(text),
  syscalls: optional(list(rule)),
});
