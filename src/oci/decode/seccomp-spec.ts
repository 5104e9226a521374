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
} from "./decoder.ts";

const action = oneOf(seccompActions);
const lastArgument = 5;

const argument = object<OciSeccompArgument>({
  index: required(integer(0, lastArgument)),
  value: required(exactUint64),
  valueTwo: optional(exactUint64),
  op: required(oneOf(seccompOperators)),
});

const rule = object<OciSyscallRule>({
  names: required(list(text)),
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
