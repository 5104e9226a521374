/* Generated from src/abi/schema.ts by tools/generate.ts; edits here are lost. */
#ifndef TIFFIN_ABI_H
#define TIFFIN_ABI_H

#include <stddef.h>
#include <stdint.h>

#define PLAN_MAGIC 0x4e4c5054u
#define ABI_VERSION 1
#define RECORD_MAGIC 0x54434552u
#define SLOT_NONE 0xffffffffu
#define STRING_NONE 0xffffffffu
#define EXECUTOR_NAME "tiffin-executor"
#define CONTROL_FD 3
#define PID_BYTES 10u
#define LATE_OUTPUT_MS 3000u
#define OP_TIME_UNIT_NS 100u
#define LOG_NAME_PREFIX "log."
#define SLOT_REFERENCE_PATH "{slot:"
#define SLOT_REFERENCE_NUMBER "{fd:"
#define LIMIT_PLAN_BYTES 16777216u
#define LIMIT_OPS 65536u
#define LIMIT_SLOTS 768u
#define LIMIT_RECEIVED_FDS 252u
#define LIMIT_STRING_BYTES 1048576u
#define LIMIT_ATTACH_CLIENTS 64u
#define LIMIT_REPORT_OBJECT_BYTES 512u
#define LIMIT_FIXED_FDS 1024u
#define LIMIT_TIMED_OPS 4096u
#define LOG_MAGIC 167u
#define LOG_HEAD_BYTES 12u
#define LOG_TAIL_BYTES 8u
#define LOG_CONTENT_BYTES 65535u
#define LOG_NAME_DIGITS 20u

struct abi_header {
  uint32_t magic;
  uint32_t version;
  uint32_t total_bytes;
  uint32_t op_count;
  uint32_t pool_offset;
  uint32_t received_count;
  uint32_t slot_count;
  uint32_t reserved;
};
_Static_assert(sizeof(struct abi_header) == 32, "size of abi_header");

struct abi_op_header {
  uint16_t code;
  uint16_t size;
  uint16_t stage;
  uint16_t flags;
};

/* A reference into the pool: `offset` and how many strings or bytes lie there. */
struct abi_range {
  uint32_t offset;
  uint32_t count;
};

enum abi_stage {
  STAGE_PREPARE = 0,
  STAGE_PARENT = 1,
  STAGE_CHILD = 2,
};

enum abi_op {
  OP_OPEN = 1,
  OP_CLOSE = 2,
  OP_FS_MOUNT = 3,
  OP_OPEN_TREE = 4,
  OP_MOUNT_SETATTR = 5,
  OP_MOVE_MOUNT = 6,
  OP_UMOUNT = 7,
  OP_MKDIR = 8,
  OP_SYMLINK = 9,
  OP_MKNOD = 10,
  OP_CREATE_FILE = 11,
  OP_WRITE = 12,
  OP_SETNS = 13,
  OP_UNSHARE = 14,
  OP_CLONE = 15,
  OP_ID_MAP = 16,
  OP_SIGNAL_PEER = 17,
  OP_AWAIT_PEER = 18,
  OP_SYNC = 19,
  OP_PIVOT_ROOT = 20,
  OP_SET_HOSTNAME = 21,
  OP_SET_DOMAINNAME = 22,
  OP_MASK_PATH = 23,
  OP_READONLY_PATH = 24,
  OP_PTY = 25,
  OP_PIPE = 26,
  OP_DUP2 = 27,
  OP_SETSID = 28,
  OP_SET_RLIMIT = 29,
  OP_KEYRING = 30,
  OP_PRCTL = 31,
  OP_DROP_BOUNDING = 32,
  OP_SET_GROUPS = 33,
  OP_SET_IDS = 34,
  OP_SET_CAPABILITIES = 35,
  OP_UMASK = 36,
  OP_CHDIR = 37,
  OP_SECCOMP = 38,
  OP_CLOSE_FROM = 39,
  OP_INIT = 40,
  OP_EXEC = 41,
  OP_SUPERVISE = 42,
  OP_LEAVE = 43,
  OP_FIND_PROGRAM = 44,
  OP_AWAIT_START = 45,
  OP_HOOK = 46,
  OP_PERSONALITY = 47,
  OP_SET_SCHEDULER = 48,
  OP_SET_IO_PRIORITY = 49,
  OP_SET_AFFINITY = 50,
  OP_SET_MEMORY_POLICY = 51,
  OP_MOVE_ROOT = 52,
  OP_PASS_LISTENER = 53,
  OP_COPY_TREE = 54,
  OP_RECONFIGURE = 55,
  OP_LOOPBACK_UP = 56,
  OP_CHROOT = 57,
  OP_COPY_MODE = 58,
  OP_FINISH = 59,
  OP_LISTEN = 60,
  OP_RUN = 62,
  OP_ADOPT = 61,
};

struct op_open {
  _Alignas(8) struct abi_op_header header;
  uint32_t out;
  uint32_t dir;
  uint32_t path;
  uint64_t flags;
  uint32_t mode;
  uint64_t resolve;
};
_Static_assert(sizeof(struct op_open) == 48, "size of op_open");
_Static_assert(offsetof(struct op_open, resolve) == 40, "end of op_open");
enum step_open {
  STEP_OPEN_OPENAT2 = 0,
};

struct op_close {
  _Alignas(8) struct abi_op_header header;
  uint32_t slot;
};
_Static_assert(sizeof(struct op_close) == 16, "size of op_close");
_Static_assert(offsetof(struct op_close, slot) == 8, "end of op_close");
enum step_close {
  STEP_CLOSE_CLOSE = 0,
};

struct op_fs_mount {
  _Alignas(8) struct abi_op_header header;
  uint32_t out;
  uint32_t type;
  uint32_t source;
  struct abi_range options;
  uint64_t attributes;
};
_Static_assert(sizeof(struct op_fs_mount) == 40, "size of op_fs_mount");
_Static_assert(offsetof(struct op_fs_mount, attributes) == 32, "end of op_fs_mount");
enum step_fs_mount {
  STEP_FS_MOUNT_FSOPEN = 0,
  STEP_FS_MOUNT_FSCONFIG = 1,
  STEP_FS_MOUNT_CREATE = 2,
  STEP_FS_MOUNT_FSMOUNT = 3,
};

struct op_open_tree {
  _Alignas(8) struct abi_op_header header;
  uint32_t out;
  uint32_t dir;
  uint32_t path;
  uint32_t flags;
};
_Static_assert(sizeof(struct op_open_tree) == 24, "size of op_open_tree");
_Static_assert(offsetof(struct op_open_tree, flags) == 20, "end of op_open_tree");
enum step_open_tree {
  STEP_OPEN_TREE_OPENAT2 = 0,
  STEP_OPEN_TREE_OPEN_TREE = 1,
};

struct op_mount_setattr {
  _Alignas(8) struct abi_op_header header;
  uint32_t mount;
  uint32_t path;
  uint32_t flags;
  uint32_t userns;
  uint64_t set;
  uint64_t clear;
  uint64_t propagation;
};
_Static_assert(sizeof(struct op_mount_setattr) == 48, "size of op_mount_setattr");
_Static_assert(offsetof(struct op_mount_setattr, propagation) == 40, "end of op_mount_setattr");
enum step_mount_setattr {
  STEP_MOUNT_SETATTR_MOUNT_SETATTR = 0,
};

struct op_move_mount {
  _Alignas(8) struct abi_op_header header;
  uint32_t mount;
  uint32_t root;
  uint32_t path;
  uint32_t create;
  uint32_t mode;
};
_Static_assert(sizeof(struct op_move_mount) == 32, "size of op_move_mount");
_Static_assert(offsetof(struct op_move_mount, mode) == 24, "end of op_move_mount");
enum step_move_mount {
  STEP_MOVE_MOUNT_CREATE = 0,
  STEP_MOVE_MOUNT_OPENAT2 = 1,
  STEP_MOVE_MOUNT_MOVE_MOUNT = 2,
};

struct op_umount {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t flags;
  uint32_t descriptors;
};
_Static_assert(sizeof(struct op_umount) == 24, "size of op_umount");
_Static_assert(offsetof(struct op_umount, descriptors) == 20, "end of op_umount");
enum step_umount {
  STEP_UMOUNT_OPENAT2 = 0,
  STEP_UMOUNT_FCHDIR = 1,
  STEP_UMOUNT_UMOUNT2 = 2,
};

struct op_mkdir {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
};
_Static_assert(sizeof(struct op_mkdir) == 32, "size of op_mkdir");
_Static_assert(offsetof(struct op_mkdir, gid) == 24, "end of op_mkdir");
enum step_mkdir {
  STEP_MKDIR_MKDIRAT = 0,
  STEP_MKDIR_FCHOWN = 1,
};

struct op_symlink {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t target;
};
_Static_assert(sizeof(struct op_symlink) == 24, "size of op_symlink");
_Static_assert(offsetof(struct op_symlink, target) == 16, "end of op_symlink");
enum step_symlink {
  STEP_SYMLINK_OPENAT2 = 0,
  STEP_SYMLINK_SYMLINKAT = 1,
};

struct op_mknod {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  uint64_t device;
};
_Static_assert(sizeof(struct op_mknod) == 40, "size of op_mknod");
_Static_assert(offsetof(struct op_mknod, device) == 32, "end of op_mknod");
enum step_mknod {
  STEP_MKNOD_OPENAT2 = 0,
  STEP_MKNOD_MKNODAT = 1,
  STEP_MKNOD_FCHOWNAT = 2,
};

struct op_create_file {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t mode;
  uint32_t uid;
  uint32_t gid;
  struct abi_range content;
};
_Static_assert(sizeof(struct op_create_file) == 40, "size of op_create_file");
_Static_assert(offsetof(struct op_create_file, content) == 28, "end of op_create_file");
enum step_create_file {
  STEP_CREATE_FILE_OPENAT2 = 0,
  STEP_CREATE_FILE_WRITE = 1,
  STEP_CREATE_FILE_FCHOWN = 2,
};

struct op_write {
  _Alignas(8) struct abi_op_header header;
  uint32_t dir;
  uint32_t path;
  struct abi_range data;
};
_Static_assert(sizeof(struct op_write) == 24, "size of op_write");
_Static_assert(offsetof(struct op_write, data) == 16, "end of op_write");
enum step_write {
  STEP_WRITE_OPENAT2 = 0,
  STEP_WRITE_WRITE = 1,
};

struct op_setns {
  _Alignas(8) struct abi_op_header header;
  uint32_t slot;
  uint32_t nstype;
};
_Static_assert(sizeof(struct op_setns) == 16, "size of op_setns");
_Static_assert(offsetof(struct op_setns, nstype) == 12, "end of op_setns");
enum step_setns {
  STEP_SETNS_SETNS = 0,
};

struct op_unshare {
  _Alignas(8) struct abi_op_header header;
  uint64_t flags;
};
_Static_assert(sizeof(struct op_unshare) == 16, "size of op_unshare");
_Static_assert(offsetof(struct op_unshare, flags) == 8, "end of op_unshare");
enum step_unshare {
  STEP_UNSHARE_UNSHARE = 0,
};

struct op_clone {
  _Alignas(8) struct abi_op_header header;
  uint64_t flags;
  uint32_t cgroup;
};
_Static_assert(sizeof(struct op_clone) == 24, "size of op_clone");
_Static_assert(offsetof(struct op_clone, cgroup) == 16, "end of op_clone");
enum step_clone {
  STEP_CLONE_CLONE3 = 0,
};

struct op_id_map {
  _Alignas(8) struct abi_op_header header;
  uint32_t uid_map;
  uint32_t gid_map;
  uint32_t deny_setgroups;
};
_Static_assert(sizeof(struct op_id_map) == 24, "size of op_id_map");
_Static_assert(offsetof(struct op_id_map, deny_setgroups) == 16, "end of op_id_map");
enum step_id_map {
  STEP_ID_MAP_SETGROUPS = 0,
  STEP_ID_MAP_UID_MAP = 1,
  STEP_ID_MAP_GID_MAP = 2,
};

struct op_signal_peer {
  _Alignas(8) struct abi_op_header header;
  uint32_t mark;
};
_Static_assert(sizeof(struct op_signal_peer) == 16, "size of op_signal_peer");
_Static_assert(offsetof(struct op_signal_peer, mark) == 8, "end of op_signal_peer");
enum step_signal_peer {
  STEP_SIGNAL_PEER_WRITE = 0,
};

struct op_await_peer {
  _Alignas(8) struct abi_op_header header;
  uint32_t mark;
};
_Static_assert(sizeof(struct op_await_peer) == 16, "size of op_await_peer");
_Static_assert(offsetof(struct op_await_peer, mark) == 8, "end of op_await_peer");
enum step_await_peer {
  STEP_AWAIT_PEER_READ = 0,
};

struct op_sync {
  _Alignas(8) struct abi_op_header header;
  uint32_t id;
};
_Static_assert(sizeof(struct op_sync) == 16, "size of op_sync");
_Static_assert(offsetof(struct op_sync, id) == 8, "end of op_sync");
enum step_sync {
  STEP_SYNC_SEND = 0,
  STEP_SYNC_RECEIVE = 1,
};

struct op_pivot_root {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
};
_Static_assert(sizeof(struct op_pivot_root) == 16, "size of op_pivot_root");
_Static_assert(offsetof(struct op_pivot_root, root) == 8, "end of op_pivot_root");
enum step_pivot_root {
  STEP_PIVOT_ROOT_FCHDIR = 0,
  STEP_PIVOT_ROOT_PIVOT_ROOT = 1,
  STEP_PIVOT_ROOT_UMOUNT2 = 2,
  STEP_PIVOT_ROOT_CHDIR = 3,
};

struct op_set_hostname {
  _Alignas(8) struct abi_op_header header;
  uint32_t name;
};
_Static_assert(sizeof(struct op_set_hostname) == 16, "size of op_set_hostname");
_Static_assert(offsetof(struct op_set_hostname, name) == 8, "end of op_set_hostname");
enum step_set_hostname {
  STEP_SET_HOSTNAME_SETHOSTNAME = 0,
};

struct op_set_domainname {
  _Alignas(8) struct abi_op_header header;
  uint32_t name;
};
_Static_assert(sizeof(struct op_set_domainname) == 16, "size of op_set_domainname");
_Static_assert(offsetof(struct op_set_domainname, name) == 8, "end of op_set_domainname");
enum step_set_domainname {
  STEP_SET_DOMAINNAME_SETDOMAINNAME = 0,
};

struct op_mask_path {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t empty;
  uint32_t null_device;
};
_Static_assert(sizeof(struct op_mask_path) == 24, "size of op_mask_path");
_Static_assert(offsetof(struct op_mask_path, null_device) == 20, "end of op_mask_path");
enum step_mask_path {
  STEP_MASK_PATH_OPENAT2 = 0,
  STEP_MASK_PATH_OPEN_TREE = 1,
  STEP_MASK_PATH_FSTAT = 2,
  STEP_MASK_PATH_MOVE_MOUNT = 3,
};

struct op_readonly_path {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
};
_Static_assert(sizeof(struct op_readonly_path) == 16, "size of op_readonly_path");
_Static_assert(offsetof(struct op_readonly_path, path) == 12, "end of op_readonly_path");
enum step_readonly_path {
  STEP_READONLY_PATH_OPENAT2 = 0,
  STEP_READONLY_PATH_OPEN_TREE = 1,
  STEP_READONLY_PATH_MOUNT_SETATTR = 2,
  STEP_READONLY_PATH_MOVE_MOUNT = 3,
};

struct op_pty {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t rows;
  uint32_t columns;
  uint32_t uid;
  uint32_t gid;
  uint32_t console;
};
_Static_assert(sizeof(struct op_pty) == 40, "size of op_pty");
_Static_assert(offsetof(struct op_pty, console) == 32, "end of op_pty");
enum step_pty {
  STEP_PTY_OPENAT2 = 0,
  STEP_PTY_UNLOCK = 1,
  STEP_PTY_PEER = 2,
  STEP_PTY_WINSIZE = 3,
  STEP_PTY_CHOWN = 4,
  STEP_PTY_CONSOLE = 5,
  STEP_PTY_SETSID = 6,
  STEP_PTY_CTTY = 7,
  STEP_PTY_SEND = 8,
};

struct op_pipe {
  _Alignas(8) struct abi_op_header header;
  uint32_t read;
  uint32_t write;
  uint32_t uid;
  uint32_t gid;
};
_Static_assert(sizeof(struct op_pipe) == 24, "size of op_pipe");
_Static_assert(offsetof(struct op_pipe, gid) == 20, "end of op_pipe");
enum step_pipe {
  STEP_PIPE_PIPE2 = 0,
  STEP_PIPE_FCHOWN = 1,
};

struct op_dup2 {
  _Alignas(8) struct abi_op_header header;
  uint32_t slot;
  uint32_t fd;
};
_Static_assert(sizeof(struct op_dup2) == 16, "size of op_dup2");
_Static_assert(offsetof(struct op_dup2, fd) == 12, "end of op_dup2");
enum step_dup2 {
  STEP_DUP2_DUP3 = 0,
};

struct op_setsid {
  _Alignas(8) struct abi_op_header header;
};
_Static_assert(sizeof(struct op_setsid) == 8, "size of op_setsid");
enum step_setsid {
  STEP_SETSID_SETSID = 0,
};

struct op_set_rlimit {
  _Alignas(8) struct abi_op_header header;
  uint32_t resource;
  uint64_t soft;
  uint64_t hard;
};
_Static_assert(sizeof(struct op_set_rlimit) == 32, "size of op_set_rlimit");
_Static_assert(offsetof(struct op_set_rlimit, hard) == 24, "end of op_set_rlimit");
enum step_set_rlimit {
  STEP_SET_RLIMIT_PRLIMIT64 = 0,
};

struct op_keyring {
  _Alignas(8) struct abi_op_header header;
  uint32_t name;
};
_Static_assert(sizeof(struct op_keyring) == 16, "size of op_keyring");
_Static_assert(offsetof(struct op_keyring, name) == 8, "end of op_keyring");
enum step_keyring {
  STEP_KEYRING_KEYCTL = 0,
};

struct op_prctl {
  _Alignas(8) struct abi_op_header header;
  uint32_t option;
  uint64_t value;
};
_Static_assert(sizeof(struct op_prctl) == 24, "size of op_prctl");
_Static_assert(offsetof(struct op_prctl, value) == 16, "end of op_prctl");
enum step_prctl {
  STEP_PRCTL_PRCTL = 0,
};

struct op_drop_bounding {
  _Alignas(8) struct abi_op_header header;
  uint64_t keep;
};
_Static_assert(sizeof(struct op_drop_bounding) == 16, "size of op_drop_bounding");
_Static_assert(offsetof(struct op_drop_bounding, keep) == 8, "end of op_drop_bounding");
enum step_drop_bounding {
  STEP_DROP_BOUNDING_PRCTL = 0,
};

struct op_set_groups {
  _Alignas(8) struct abi_op_header header;
  struct abi_range groups;
  uint32_t may_be_forbidden;
};
_Static_assert(sizeof(struct op_set_groups) == 24, "size of op_set_groups");
_Static_assert(offsetof(struct op_set_groups, may_be_forbidden) == 16, "end of op_set_groups");
enum step_set_groups {
  STEP_SET_GROUPS_SETGROUPS = 0,
};

struct op_set_ids {
  _Alignas(8) struct abi_op_header header;
  uint32_t uid;
  uint32_t gid;
};
_Static_assert(sizeof(struct op_set_ids) == 16, "size of op_set_ids");
_Static_assert(offsetof(struct op_set_ids, gid) == 12, "end of op_set_ids");
enum step_set_ids {
  STEP_SET_IDS_SETRESGID = 0,
  STEP_SET_IDS_SETRESUID = 1,
};

struct op_set_capabilities {
  _Alignas(8) struct abi_op_header header;
  uint64_t effective;
  uint64_t permitted;
  uint64_t inheritable;
  uint64_t ambient;
};
_Static_assert(sizeof(struct op_set_capabilities) == 40, "size of op_set_capabilities");
_Static_assert(offsetof(struct op_set_capabilities, ambient) == 32, "end of op_set_capabilities");
enum step_set_capabilities {
  STEP_SET_CAPABILITIES_CAPSET = 0,
  STEP_SET_CAPABILITIES_AMBIENT = 1,
};

struct op_umask {
  _Alignas(8) struct abi_op_header header;
  uint32_t mask;
};
_Static_assert(sizeof(struct op_umask) == 16, "size of op_umask");
_Static_assert(offsetof(struct op_umask, mask) == 8, "end of op_umask");
enum step_umask {
  STEP_UMASK_UMASK = 0,
};

struct op_chdir {
  _Alignas(8) struct abi_op_header header;
  uint32_t path;
};
_Static_assert(sizeof(struct op_chdir) == 16, "size of op_chdir");
_Static_assert(offsetof(struct op_chdir, path) == 8, "end of op_chdir");
enum step_chdir {
  STEP_CHDIR_CHDIR = 0,
  STEP_CHDIR_GETCWD = 1,
};

struct op_seccomp {
  _Alignas(8) struct abi_op_header header;
  struct abi_range program;
  uint32_t flags;
  uint32_t listener;
};
_Static_assert(sizeof(struct op_seccomp) == 24, "size of op_seccomp");
_Static_assert(offsetof(struct op_seccomp, listener) == 20, "end of op_seccomp");
enum step_seccomp {
  STEP_SECCOMP_SECCOMP = 0,
};

struct op_close_from {
  _Alignas(8) struct abi_op_header header;
  uint32_t first;
};
_Static_assert(sizeof(struct op_close_from) == 16, "size of op_close_from");
_Static_assert(offsetof(struct op_close_from, first) == 8, "end of op_close_from");
enum step_close_from {
  STEP_CLOSE_FROM_CLOSE_RANGE = 0,
};

struct op_init {
  _Alignas(8) struct abi_op_header header;
};
_Static_assert(sizeof(struct op_init) == 8, "size of op_init");
enum step_init {
  STEP_INIT_FORK = 0,
};

struct op_exec {
  _Alignas(8) struct abi_op_header header;
  struct abi_range candidates;
  struct abi_range arguments;
  struct abi_range environment;
};
_Static_assert(sizeof(struct op_exec) == 32, "size of op_exec");
_Static_assert(offsetof(struct op_exec, environment) == 24, "end of op_exec");
enum step_exec {
  STEP_EXEC_EXECVE = 0,
};

struct op_supervise {
  _Alignas(8) struct abi_op_header header;
  uint32_t stdin;
  uint32_t stdout;
  uint32_t stderr;
  uint32_t terminal;
  uint32_t stdin_once;
  uint32_t log_directory;
  uint64_t log_file_bytes;
  uint32_t log_files;
  uint32_t record;
  uint32_t oom_file;
  struct abi_range clients;
};
_Static_assert(sizeof(struct op_supervise) == 64, "size of op_supervise");
_Static_assert(offsetof(struct op_supervise, clients) == 52, "end of op_supervise");
enum step_supervise {
  STEP_SUPERVISE_SETUP = 0,
};

struct op_leave {
  _Alignas(8) struct abi_op_header header;
  uint32_t wait_exec;
};
_Static_assert(sizeof(struct op_leave) == 16, "size of op_leave");
_Static_assert(offsetof(struct op_leave, wait_exec) == 8, "end of op_leave");
enum step_leave {
  STEP_LEAVE_REPORT = 0,
};

struct op_find_program {
  _Alignas(8) struct abi_op_header header;
  struct abi_range candidates;
};
_Static_assert(sizeof(struct op_find_program) == 16, "size of op_find_program");
_Static_assert(offsetof(struct op_find_program, candidates) == 8, "end of op_find_program");
enum step_find_program {
  STEP_FIND_PROGRAM_FACCESSAT = 0,
};

struct op_await_start {
  _Alignas(8) struct abi_op_header header;
  uint32_t listener;
};
_Static_assert(sizeof(struct op_await_start) == 16, "size of op_await_start");
_Static_assert(offsetof(struct op_await_start, listener) == 8, "end of op_await_start");
enum step_await_start {
  STEP_AWAIT_START_ACCEPT4 = 0,
};

struct op_hook {
  _Alignas(8) struct abi_op_header header;
  uint32_t path;
  struct abi_range arguments;
  struct abi_range environment;
  struct abi_range input;
  uint32_t pid_offset;
  uint32_t timeout_ms;
};
_Static_assert(sizeof(struct op_hook) == 48, "size of op_hook");
_Static_assert(offsetof(struct op_hook, timeout_ms) == 40, "end of op_hook");
enum step_hook {
  STEP_HOOK_PIPE2 = 0,
  STEP_HOOK_FORK = 1,
  STEP_HOOK_WRITE = 2,
  STEP_HOOK_WAIT = 3,
};

struct op_personality {
  _Alignas(8) struct abi_op_header header;
  uint32_t persona;
};
_Static_assert(sizeof(struct op_personality) == 16, "size of op_personality");
_Static_assert(offsetof(struct op_personality, persona) == 8, "end of op_personality");
enum step_personality {
  STEP_PERSONALITY_PERSONALITY = 0,
};

struct op_set_scheduler {
  _Alignas(8) struct abi_op_header header;
  uint32_t policy;
  int32_t nice;
  uint64_t flags;
  uint32_t priority;
  uint64_t runtime;
  uint64_t deadline;
  uint64_t period;
};
_Static_assert(sizeof(struct op_set_scheduler) == 56, "size of op_set_scheduler");
_Static_assert(offsetof(struct op_set_scheduler, period) == 48, "end of op_set_scheduler");
enum step_set_scheduler {
  STEP_SET_SCHEDULER_SCHED_SETATTR = 0,
};

struct op_set_io_priority {
  _Alignas(8) struct abi_op_header header;
  uint32_t value;
};
_Static_assert(sizeof(struct op_set_io_priority) == 16, "size of op_set_io_priority");
_Static_assert(offsetof(struct op_set_io_priority, value) == 8, "end of op_set_io_priority");
enum step_set_io_priority {
  STEP_SET_IO_PRIORITY_IOPRIO_SET = 0,
};

struct op_set_affinity {
  _Alignas(8) struct abi_op_header header;
  struct abi_range mask;
};
_Static_assert(sizeof(struct op_set_affinity) == 16, "size of op_set_affinity");
_Static_assert(offsetof(struct op_set_affinity, mask) == 8, "end of op_set_affinity");
enum step_set_affinity {
  STEP_SET_AFFINITY_SCHED_SETAFFINITY = 0,
};

struct op_set_memory_policy {
  _Alignas(8) struct abi_op_header header;
  uint32_t mode;
  struct abi_range nodes;
};
_Static_assert(sizeof(struct op_set_memory_policy) == 24, "size of op_set_memory_policy");
_Static_assert(offsetof(struct op_set_memory_policy, nodes) == 12, "end of op_set_memory_policy");
enum step_set_memory_policy {
  STEP_SET_MEMORY_POLICY_SET_MEMPOLICY = 0,
};

struct op_move_root {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
};
_Static_assert(sizeof(struct op_move_root) == 16, "size of op_move_root");
_Static_assert(offsetof(struct op_move_root, root) == 8, "end of op_move_root");
enum step_move_root {
  STEP_MOVE_ROOT_FCHDIR = 0,
  STEP_MOVE_ROOT_MOUNT = 1,
};

struct op_pass_listener {
  _Alignas(8) struct abi_op_header header;
  uint32_t socket;
  struct abi_range message;
  struct abi_range pid_offsets;
};
_Static_assert(sizeof(struct op_pass_listener) == 32, "size of op_pass_listener");
_Static_assert(offsetof(struct op_pass_listener, pid_offsets) == 20, "end of op_pass_listener");
enum step_pass_listener {
  STEP_PASS_LISTENER_WAIT = 0,
  STEP_PASS_LISTENER_PIDFD_GETFD = 1,
  STEP_PASS_LISTENER_SENDMSG = 2,
};

struct op_copy_tree {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t to;
  uint32_t keep_top;
};
_Static_assert(sizeof(struct op_copy_tree) == 24, "size of op_copy_tree");
_Static_assert(offsetof(struct op_copy_tree, keep_top) == 20, "end of op_copy_tree");
enum step_copy_tree {
  STEP_COPY_TREE_OPENAT2 = 0,
  STEP_COPY_TREE_READ = 1,
  STEP_COPY_TREE_CREATE = 2,
  STEP_COPY_TREE_WRITE = 3,
  STEP_COPY_TREE_ATTRIBUTES = 4,
};

struct op_reconfigure {
  _Alignas(8) struct abi_op_header header;
  uint32_t mount;
  struct abi_range options;
};
_Static_assert(sizeof(struct op_reconfigure) == 24, "size of op_reconfigure");
_Static_assert(offsetof(struct op_reconfigure, options) == 12, "end of op_reconfigure");
enum step_reconfigure {
  STEP_RECONFIGURE_FSPICK = 0,
  STEP_RECONFIGURE_FSCONFIG = 1,
  STEP_RECONFIGURE_RECONFIGURE = 2,
};

struct op_loopback_up {
  _Alignas(8) struct abi_op_header header;
};
_Static_assert(sizeof(struct op_loopback_up) == 8, "size of op_loopback_up");
enum step_loopback_up {
  STEP_LOOPBACK_UP_SOCKET = 0,
  STEP_LOOPBACK_UP_IOCTL = 1,
};

struct op_chroot {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
};
_Static_assert(sizeof(struct op_chroot) == 16, "size of op_chroot");
_Static_assert(offsetof(struct op_chroot, root) == 8, "end of op_chroot");
enum step_chroot {
  STEP_CHROOT_FCHDIR = 0,
  STEP_CHROOT_CHROOT = 1,
  STEP_CHROOT_CHDIR = 2,
};

struct op_copy_mode {
  _Alignas(8) struct abi_op_header header;
  uint32_t root;
  uint32_t path;
  uint32_t to;
};
_Static_assert(sizeof(struct op_copy_mode) == 24, "size of op_copy_mode");
_Static_assert(offsetof(struct op_copy_mode, to) == 16, "end of op_copy_mode");
enum step_copy_mode {
  STEP_COPY_MODE_OPENAT2 = 0,
  STEP_COPY_MODE_FCHMOD = 1,
};

struct op_finish {
  _Alignas(8) struct abi_op_header header;
};
_Static_assert(sizeof(struct op_finish) == 8, "size of op_finish");
enum step_finish {
  STEP_FINISH_EXIT = 0,
};

struct op_listen {
  _Alignas(8) struct abi_op_header header;
  uint32_t out;
  uint32_t dir;
  uint32_t path;
};
_Static_assert(sizeof(struct op_listen) == 24, "size of op_listen");
_Static_assert(offsetof(struct op_listen, path) == 16, "end of op_listen");
enum step_listen {
  STEP_LISTEN_SOCKET = 0,
  STEP_LISTEN_BIND = 1,
  STEP_LISTEN_LISTEN = 2,
};

struct op_run {
  _Alignas(8) struct abi_op_header header;
  uint32_t path;
  struct abi_range arguments;
  struct abi_range environment;
  uint32_t dir;
  uint32_t log_file;
};
_Static_assert(sizeof(struct op_run) == 40, "size of op_run");
_Static_assert(offsetof(struct op_run, log_file) == 32, "end of op_run");
enum step_run {
  STEP_RUN_FORK = 0,
  STEP_RUN_WAIT = 1,
};

struct op_adopt {
  _Alignas(8) struct abi_op_header header;
  uint64_t flags;
  uint32_t dir;
  uint32_t pid_file;
  uint32_t log_file;
  uint32_t root;
  uint32_t listener;
};
_Static_assert(sizeof(struct op_adopt) == 40, "size of op_adopt");
_Static_assert(offsetof(struct op_adopt, listener) == 32, "end of op_adopt");
enum step_adopt {
  STEP_ADOPT_WAIT = 0,
  STEP_ADOPT_PID = 1,
  STEP_ADOPT_PIDFD_OPEN = 2,
  STEP_ADOPT_WAITID = 3,
  STEP_ADOPT_ROOT = 4,
};

enum abi_missing_target {
  MISSING_TARGET_REFUSE = 0,
  MISSING_TARGET_DIRECTORY = 1,
  MISSING_TARGET_FILE = 2,
  MISSING_TARGET_PLAIN_DIRECTORY = 3,
};

enum abi_phase {
  PHASE_WAITING = 0,
  PHASE_STARTING = 1,
  PHASE_RUNNING = 2,
  PHASE_EXITED = 3,
};

enum abi_record_state {
  RECORD_EMPTY = 0,
  RECORD_RUNNING = 1,
  RECORD_EXITED = 2,
  RECORD_FAILED = 3,
};

enum abi_attach {
  ATTACH_STDIN = 1,
  ATTACH_STDOUT = 2,
  ATTACH_STDERR = 4,
  ATTACH_LOGS = 8,
};

enum abi_log_flag {
  LOG_FLAG_STDERR = 1,
  LOG_FLAG_STDOUT_OPEN = 2,
  LOG_FLAG_STDERR_OPEN = 4,
  LOG_FLAG_FIRST = 8,
};

enum abi_message {
  MESSAGE_START = 1,
  MESSAGE_GO = 2,
  MESSAGE_RESIZE = 3,
  MESSAGE_SIGNAL = 4,
  MESSAGE_QUERY = 5,
  MESSAGE_ATTACH = 6,
  MESSAGE_CLOSE_STDIN = 7,
  MESSAGE_SYNCED = 16,
  MESSAGE_STARTED = 17,
  MESSAGE_FAILED = 18,
  MESSAGE_EXITED = 19,
  MESSAGE_STATUS = 20,
  MESSAGE_HELLO = 32,
  MESSAGE_REQUEST = 33,
  MESSAGE_BECOME = 34,
  MESSAGE_OUTPUT = 35,
  MESSAGE_AWAIT_EXIT = 36,
  MESSAGE_END = 37,
  MESSAGE_ALONE = 38,
  MESSAGE_COMMAND = 48,
  MESSAGE_WINDOW = 49,
  MESSAGE_CATCH_SIGNALS = 50,
  MESSAGE_CAUGHT = 51,
  MESSAGE_RAW_INPUT = 52,
  MESSAGE_READ_INPUT = 53,
  MESSAGE_INPUT = 54,
  MESSAGE_OUTPUT_FAILED = 55,
  MESSAGE_LEAVE = 56,
  MESSAGE_WHEN_LOST = 57,
};

struct abi_message_header {
  uint32_t type;
  uint32_t body_bytes;
};

struct message_start {
  uint32_t fd_count;
} __attribute__((packed));
_Static_assert(sizeof(struct message_start) == 4, "size of message_start");

struct message_go {
  uint32_t id;
} __attribute__((packed));
_Static_assert(sizeof(struct message_go) == 4, "size of message_go");

struct message_resize {
  uint32_t rows;
  uint32_t columns;
} __attribute__((packed));
_Static_assert(sizeof(struct message_resize) == 8, "size of message_resize");

struct message_signal {
  uint32_t number;
} __attribute__((packed));
_Static_assert(sizeof(struct message_signal) == 4, "size of message_signal");

struct message_attach {
  uint32_t flags;
} __attribute__((packed));
_Static_assert(sizeof(struct message_attach) == 4, "size of message_attach");

struct message_synced {
  uint32_t id;
  uint32_t pid;
} __attribute__((packed));
_Static_assert(sizeof(struct message_synced) == 8, "size of message_synced");

struct message_started {
  uint32_t pid;
  uint32_t reserved;
  uint64_t clone_ns;
  uint64_t exec_ns;
} __attribute__((packed));
_Static_assert(sizeof(struct message_started) == 24, "size of message_started");

struct message_failed {
  uint32_t op;
  uint32_t step;
  uint32_t error;
  uint32_t object_bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct message_failed) == 16, "size of message_failed");

struct message_exited {
  uint32_t pid;
  uint32_t wait_status;
  uint32_t oom_killed;
  uint32_t reserved;
  uint64_t finished_at_ns;
} __attribute__((packed));
_Static_assert(sizeof(struct message_exited) == 24, "size of message_exited");

struct message_status {
  uint32_t phase;
  uint32_t pid;
  uint64_t started_at_ns;
} __attribute__((packed));
_Static_assert(sizeof(struct message_status) == 16, "size of message_status");

struct message_request {
  uint32_t bytes;
  uint32_t argument_count;
} __attribute__((packed));
_Static_assert(sizeof(struct message_request) == 8, "size of message_request");

struct message_become {
  uint32_t keep_signals;
} __attribute__((packed));
_Static_assert(sizeof(struct message_become) == 4, "size of message_become");

struct message_output {
  uint32_t fd;
  uint32_t bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct message_output) == 8, "size of message_output");

struct message_await_exit {
  uint32_t reserved;
  uint32_t reserved2;
  uint64_t signals;
} __attribute__((packed));
_Static_assert(sizeof(struct message_await_exit) == 16, "size of message_await_exit");

struct message_end {
  uint32_t code;
} __attribute__((packed));
_Static_assert(sizeof(struct message_end) == 4, "size of message_end");

struct message_command {
  uint32_t bytes;
  uint32_t argument_count;
  uint32_t terminals;
} __attribute__((packed));
_Static_assert(sizeof(struct message_command) == 12, "size of message_command");

struct message_window {
  uint32_t fd;
  uint32_t rows;
  uint32_t columns;
} __attribute__((packed));
_Static_assert(sizeof(struct message_window) == 12, "size of message_window");

struct message_catch_signals {
  uint64_t signals;
} __attribute__((packed));
_Static_assert(sizeof(struct message_catch_signals) == 8, "size of message_catch_signals");

struct message_caught {
  uint32_t signal;
} __attribute__((packed));
_Static_assert(sizeof(struct message_caught) == 4, "size of message_caught");

struct message_raw_input {
  uint32_t on;
} __attribute__((packed));
_Static_assert(sizeof(struct message_raw_input) == 4, "size of message_raw_input");

struct message_read_input {
  uint32_t bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct message_read_input) == 4, "size of message_read_input");

struct message_input {
  uint32_t bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct message_input) == 4, "size of message_input");

struct message_output_failed {
  uint32_t fd;
  uint32_t error;
} __attribute__((packed));
_Static_assert(sizeof(struct message_output_failed) == 8, "size of message_output_failed");

struct message_leave {
  uint32_t code;
  uint32_t anyway;
} __attribute__((packed));
_Static_assert(sizeof(struct message_leave) == 8, "size of message_leave");

struct message_when_lost {
  uint32_t code;
  uint32_t bytes;
} __attribute__((packed));
_Static_assert(sizeof(struct message_when_lost) == 8, "size of message_when_lost");

struct abi_record {
  uint32_t magic;
  uint32_t version;
  uint32_t state;
  uint32_t pid;
  uint32_t wait_status;
  uint32_t oom_killed;
  uint64_t started_at_ns;
  uint64_t finished_at_ns;
};
_Static_assert(sizeof(struct abi_record) <= 64, "size of abi_record");

#define RECORD_BYTES 64

/* What the decoder checks for every op; only decode.c wants it. */
#ifdef ABI_WANT_LAYOUT
enum abi_field_kind {
  FIELD_U32 = 0,
  FIELD_I32 = 1,
  FIELD_U64 = 2,
  FIELD_I64 = 3,
  FIELD_SLOT = 4,
  FIELD_SLOT_OR_NONE = 5,
  FIELD_NEW_SLOT = 6,
  FIELD_NEW_SLOT_OR_NONE = 7,
  FIELD_STRING = 8,
  FIELD_STRING_OR_NONE = 9,
  FIELD_STRINGS = 10,
  FIELD_BLOB = 11,
};
struct abi_field {
  uint16_t kind;
  uint16_t offset;
};
struct abi_layout {
  uint16_t size; /* 0: no such op */
  uint8_t stages; /* bit n: allowed in stage n */
  uint8_t field_count;
  const struct abi_field *fields;
};
static const struct abi_field fields_open[] = {{FIELD_NEW_SLOT, 8}, {FIELD_SLOT_OR_NONE, 12}, {FIELD_STRING, 16}, {FIELD_U64, 24}, {FIELD_U32, 32}, {FIELD_U64, 40}};
static const struct abi_field fields_close[] = {{FIELD_SLOT, 8}};
static const struct abi_field fields_fs_mount[] = {{FIELD_NEW_SLOT, 8}, {FIELD_STRING, 12}, {FIELD_STRING_OR_NONE, 16}, {FIELD_STRINGS, 20}, {FIELD_U64, 32}};
static const struct abi_field fields_open_tree[] = {{FIELD_NEW_SLOT, 8}, {FIELD_SLOT_OR_NONE, 12}, {FIELD_STRING_OR_NONE, 16}, {FIELD_U32, 20}};
static const struct abi_field fields_mount_setattr[] = {{FIELD_SLOT, 8}, {FIELD_STRING_OR_NONE, 12}, {FIELD_U32, 16}, {FIELD_SLOT_OR_NONE, 20}, {FIELD_U64, 24}, {FIELD_U64, 32}, {FIELD_U64, 40}};
static const struct abi_field fields_move_mount[] = {{FIELD_SLOT, 8}, {FIELD_SLOT_OR_NONE, 12}, {FIELD_STRING, 16}, {FIELD_U32, 20}, {FIELD_U32, 24}};
static const struct abi_field fields_umount[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_U32, 16}, {FIELD_SLOT_OR_NONE, 20}};
static const struct abi_field fields_mkdir[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_U32, 16}, {FIELD_U32, 20}, {FIELD_U32, 24}};
static const struct abi_field fields_symlink[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_STRING, 16}};
static const struct abi_field fields_mknod[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_U32, 16}, {FIELD_U32, 20}, {FIELD_U32, 24}, {FIELD_U64, 32}};
static const struct abi_field fields_create_file[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_U32, 16}, {FIELD_U32, 20}, {FIELD_U32, 24}, {FIELD_BLOB, 28}};
static const struct abi_field fields_write[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING_OR_NONE, 12}, {FIELD_BLOB, 16}};
static const struct abi_field fields_setns[] = {{FIELD_SLOT, 8}, {FIELD_U32, 12}};
static const struct abi_field fields_unshare[] = {{FIELD_U64, 8}};
static const struct abi_field fields_clone[] = {{FIELD_U64, 8}, {FIELD_SLOT_OR_NONE, 16}};
static const struct abi_field fields_id_map[] = {{FIELD_STRING, 8}, {FIELD_STRING, 12}, {FIELD_U32, 16}};
static const struct abi_field fields_signal_peer[] = {{FIELD_U32, 8}};
static const struct abi_field fields_await_peer[] = {{FIELD_U32, 8}};
static const struct abi_field fields_sync[] = {{FIELD_U32, 8}};
static const struct abi_field fields_pivot_root[] = {{FIELD_SLOT, 8}};
static const struct abi_field fields_set_hostname[] = {{FIELD_STRING, 8}};
static const struct abi_field fields_set_domainname[] = {{FIELD_STRING, 8}};
static const struct abi_field fields_mask_path[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_SLOT, 16}, {FIELD_SLOT, 20}};
static const struct abi_field fields_readonly_path[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}};
static const struct abi_field fields_pty[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_U32, 16}, {FIELD_U32, 20}, {FIELD_U32, 24}, {FIELD_U32, 28}, {FIELD_U32, 32}};
static const struct abi_field fields_pipe[] = {{FIELD_NEW_SLOT, 8}, {FIELD_NEW_SLOT, 12}, {FIELD_U32, 16}, {FIELD_U32, 20}};
static const struct abi_field fields_dup2[] = {{FIELD_SLOT, 8}, {FIELD_U32, 12}};
static const struct abi_field fields_set_rlimit[] = {{FIELD_U32, 8}, {FIELD_U64, 16}, {FIELD_U64, 24}};
static const struct abi_field fields_keyring[] = {{FIELD_STRING, 8}};
static const struct abi_field fields_prctl[] = {{FIELD_U32, 8}, {FIELD_U64, 16}};
static const struct abi_field fields_drop_bounding[] = {{FIELD_U64, 8}};
static const struct abi_field fields_set_groups[] = {{FIELD_BLOB, 8}, {FIELD_U32, 16}};
static const struct abi_field fields_set_ids[] = {{FIELD_U32, 8}, {FIELD_U32, 12}};
static const struct abi_field fields_set_capabilities[] = {{FIELD_U64, 8}, {FIELD_U64, 16}, {FIELD_U64, 24}, {FIELD_U64, 32}};
static const struct abi_field fields_umask[] = {{FIELD_U32, 8}};
static const struct abi_field fields_chdir[] = {{FIELD_STRING, 8}};
static const struct abi_field fields_seccomp[] = {{FIELD_BLOB, 8}, {FIELD_U32, 16}, {FIELD_NEW_SLOT_OR_NONE, 20}};
static const struct abi_field fields_close_from[] = {{FIELD_U32, 8}};
static const struct abi_field fields_exec[] = {{FIELD_STRINGS, 8}, {FIELD_STRINGS, 16}, {FIELD_STRINGS, 24}};
static const struct abi_field fields_supervise[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_SLOT_OR_NONE, 12}, {FIELD_SLOT_OR_NONE, 16}, {FIELD_U32, 20}, {FIELD_U32, 24}, {FIELD_SLOT_OR_NONE, 28}, {FIELD_U64, 32}, {FIELD_U32, 40}, {FIELD_SLOT_OR_NONE, 44}, {FIELD_SLOT_OR_NONE, 48}, {FIELD_BLOB, 52}};
static const struct abi_field fields_leave[] = {{FIELD_U32, 8}};
static const struct abi_field fields_find_program[] = {{FIELD_STRINGS, 8}};
static const struct abi_field fields_await_start[] = {{FIELD_SLOT, 8}};
static const struct abi_field fields_hook[] = {{FIELD_STRING, 8}, {FIELD_STRINGS, 12}, {FIELD_STRINGS, 20}, {FIELD_BLOB, 28}, {FIELD_U32, 36}, {FIELD_U32, 40}};
static const struct abi_field fields_personality[] = {{FIELD_U32, 8}};
static const struct abi_field fields_set_scheduler[] = {{FIELD_U32, 8}, {FIELD_I32, 12}, {FIELD_U64, 16}, {FIELD_U32, 24}, {FIELD_U64, 32}, {FIELD_U64, 40}, {FIELD_U64, 48}};
static const struct abi_field fields_set_io_priority[] = {{FIELD_U32, 8}};
static const struct abi_field fields_set_affinity[] = {{FIELD_BLOB, 8}};
static const struct abi_field fields_set_memory_policy[] = {{FIELD_U32, 8}, {FIELD_BLOB, 12}};
static const struct abi_field fields_move_root[] = {{FIELD_SLOT, 8}};
static const struct abi_field fields_pass_listener[] = {{FIELD_SLOT, 8}, {FIELD_BLOB, 12}, {FIELD_BLOB, 20}};
static const struct abi_field fields_copy_tree[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_SLOT, 16}, {FIELD_U32, 20}};
static const struct abi_field fields_reconfigure[] = {{FIELD_SLOT, 8}, {FIELD_STRINGS, 12}};
static const struct abi_field fields_chroot[] = {{FIELD_SLOT, 8}};
static const struct abi_field fields_copy_mode[] = {{FIELD_SLOT_OR_NONE, 8}, {FIELD_STRING, 12}, {FIELD_SLOT, 16}};
static const struct abi_field fields_listen[] = {{FIELD_NEW_SLOT, 8}, {FIELD_SLOT, 12}, {FIELD_STRING, 16}};
static const struct abi_field fields_run[] = {{FIELD_STRING, 8}, {FIELD_STRINGS, 12}, {FIELD_STRINGS, 20}, {FIELD_SLOT, 28}, {FIELD_STRING, 32}};
static const struct abi_field fields_adopt[] = {{FIELD_U64, 8}, {FIELD_SLOT, 16}, {FIELD_STRING, 20}, {FIELD_STRING, 24}, {FIELD_SLOT, 28}, {FIELD_SLOT_OR_NONE, 32}};
static const struct abi_layout abi_layouts[63] = {
  [OP_OPEN] = {48, 7, 6, fields_open},
  [OP_CLOSE] = {16, 7, 1, fields_close},
  [OP_FS_MOUNT] = {40, 7, 5, fields_fs_mount},
  [OP_OPEN_TREE] = {24, 7, 4, fields_open_tree},
  [OP_MOUNT_SETATTR] = {48, 7, 7, fields_mount_setattr},
  [OP_MOVE_MOUNT] = {32, 5, 5, fields_move_mount},
  [OP_UMOUNT] = {24, 4, 4, fields_umount},
  [OP_MKDIR] = {32, 7, 5, fields_mkdir},
  [OP_SYMLINK] = {24, 5, 3, fields_symlink},
  [OP_MKNOD] = {40, 5, 6, fields_mknod},
  [OP_CREATE_FILE] = {40, 5, 6, fields_create_file},
  [OP_WRITE] = {24, 7, 3, fields_write},
  [OP_SETNS] = {16, 7, 2, fields_setns},
  [OP_UNSHARE] = {16, 7, 1, fields_unshare},
  [OP_CLONE] = {24, 1, 2, fields_clone},
  [OP_ID_MAP] = {24, 2, 3, fields_id_map},
  [OP_SIGNAL_PEER] = {16, 6, 1, fields_signal_peer},
  [OP_AWAIT_PEER] = {16, 6, 1, fields_await_peer},
  [OP_SYNC] = {16, 2, 1, fields_sync},
  [OP_PIVOT_ROOT] = {16, 4, 1, fields_pivot_root},
  [OP_SET_HOSTNAME] = {16, 4, 1, fields_set_hostname},
  [OP_SET_DOMAINNAME] = {16, 4, 1, fields_set_domainname},
  [OP_MASK_PATH] = {24, 4, 4, fields_mask_path},
  [OP_READONLY_PATH] = {16, 4, 2, fields_readonly_path},
  [OP_PTY] = {40, 4, 7, fields_pty},
  [OP_PIPE] = {24, 1, 4, fields_pipe},
  [OP_DUP2] = {16, 4, 2, fields_dup2},
  [OP_SETSID] = {8, 4, 0, NULL},
  [OP_SET_RLIMIT] = {32, 4, 3, fields_set_rlimit},
  [OP_KEYRING] = {16, 4, 1, fields_keyring},
  [OP_PRCTL] = {24, 5, 2, fields_prctl},
  [OP_DROP_BOUNDING] = {16, 4, 1, fields_drop_bounding},
  [OP_SET_GROUPS] = {24, 5, 2, fields_set_groups},
  [OP_SET_IDS] = {16, 4, 2, fields_set_ids},
  [OP_SET_CAPABILITIES] = {40, 4, 4, fields_set_capabilities},
  [OP_UMASK] = {16, 4, 1, fields_umask},
  [OP_CHDIR] = {16, 5, 1, fields_chdir},
  [OP_SECCOMP] = {24, 4, 3, fields_seccomp},
  [OP_CLOSE_FROM] = {16, 4, 1, fields_close_from},
  [OP_INIT] = {8, 4, 0, NULL},
  [OP_EXEC] = {32, 4, 3, fields_exec},
  [OP_SUPERVISE] = {64, 2, 11, fields_supervise},
  [OP_LEAVE] = {16, 2, 1, fields_leave},
  [OP_FIND_PROGRAM] = {16, 4, 1, fields_find_program},
  [OP_AWAIT_START] = {16, 4, 1, fields_await_start},
  [OP_HOOK] = {48, 4, 6, fields_hook},
  [OP_PERSONALITY] = {16, 4, 1, fields_personality},
  [OP_SET_SCHEDULER] = {56, 4, 7, fields_set_scheduler},
  [OP_SET_IO_PRIORITY] = {16, 4, 1, fields_set_io_priority},
  [OP_SET_AFFINITY] = {16, 4, 1, fields_set_affinity},
  [OP_SET_MEMORY_POLICY] = {24, 4, 2, fields_set_memory_policy},
  [OP_MOVE_ROOT] = {16, 4, 1, fields_move_root},
  [OP_PASS_LISTENER] = {32, 2, 3, fields_pass_listener},
  [OP_COPY_TREE] = {24, 4, 4, fields_copy_tree},
  [OP_RECONFIGURE] = {24, 4, 2, fields_reconfigure},
  [OP_LOOPBACK_UP] = {8, 4, 0, NULL},
  [OP_CHROOT] = {16, 4, 1, fields_chroot},
  [OP_COPY_MODE] = {24, 4, 3, fields_copy_mode},
  [OP_FINISH] = {8, 4, 0, NULL},
  [OP_LISTEN] = {24, 1, 3, fields_listen},
  [OP_RUN] = {40, 4, 5, fields_run},
  [OP_ADOPT] = {40, 2, 6, fields_adopt},
};
#endif

#endif
