/* Generated from src/abi/front.ts by tools/generate.ts; edits here are lost. */
#ifndef TIFFIN_FRONT_ABI_H
#define TIFFIN_FRONT_ABI_H

#define PROGRAM_NAME "tiffin-runtime"
#define PROGRAM_OFFSET 0x10000u
#define LOST_DIRECTORY "no-directory/"
#define LEAST_FILES 256u
#define COMMAND_LINE_NAME "tiffin"
#define ENGINE_ADDRESS_VARIABLES "TIFFIN_HOST=", "DOCKER_HOST="
#define ENGINE_CONTEXT_VARIABLES "TIFFIN_CONTEXT=", "DOCKER_CONTEXT="
#define ENGINE_CONTEXT_FILE "/tiffin.json"
#define ENGINE_SCHEME "unix://"
#define ENGINE_DEFAULT_PATH "/run/tiffin.sock"
#define ENGINE_SUFFIX ".front"
#define ENGINE_LOST_TEXT_BYTES 1024u
#define ENGINE_VARIABLE "TIFFIN_FRONT"
#define HELPER_DIRECTORY "/run/tiffin-runtime/@helper/"
#define HELPER_NAME_DIGITS 16
#define HELPER_VARIABLE "TIFFIN_RUNTIME_HELPER"
#define HELPER_OFF "off"
#define HELPER_ASKED_VARIABLE "TIFFIN_RUNTIME_HELPER_ASKED"
#define HELPER_REQUEST_BYTES 131072u
#define HELPER_REQUEST_FDS 3
#define LIKENESS_NAMESPACES "ns/mnt", "ns/pid", "ns/user", "ns/net", "ns/cgroup", "ns/ipc", "ns/uts", "ns/time"
#define LIKENESS_RIGHTS "Uid:", "Gid:", "CapInh:", "CapPrm:", "CapEff:", "CapBnd:", "CapAmb:", "NoNewPrivs:", "Seccomp:"

#endif
