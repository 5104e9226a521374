/*
 * Re-checks a plan before anything of it is performed: sizes, alignment, offsets, NUL termination, enumerations,
 * the order of stages and the flow of slots. It protects the supervisor from a damaged or wrongly built plan; it
 * reads only inside `length` bytes, whatever they are (the fuzz target feeds it noise).
 */
#define ABI_WANT_LAYOUT
#include "plan.h"

#include <linux/bpf_common.h>
#include <linux/capability.h>
#include <linux/limits.h>
#include <linux/sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "kernel.h"

#define SLOT_WORDS (LIMIT_SLOTS / 32)
#define NAMESPACE_FLAGS                                                                                     \
	(CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID |      \
	 CLONE_NEWNET | CLONE_NEWTIME)

/* Which slots hold a descriptor, as one process sees it. */
struct filled {
	uint32_t words[SLOT_WORDS];
};

struct checker {
	struct plan *plan;
	uint32_t slot_count;
	/* By stage; `prepare` is copied to the others at the clone. */
	struct filled filled[3];
	bool has_clone;
	bool has_exec;
	bool has_init;
	bool has_pty;
	bool has_listener;
	bool passes_listener;
	bool has_parent_end;
	bool has_adopt;
	bool leaves;
	bool terminal_wanted;
	uint32_t signalled[3];
	uint32_t awaited[3];
	const char *check;
};

static bool refuse(struct checker *c, const char *check)
{
	c->check = check;
	return false;
}

static bool check_once(struct checker *c, bool *seen)
{
	if (*seen)
		return refuse(c, "op may stand in a plan once only");
	*seen = true;
	return true;
}

static bool is_filled(const struct filled *set, uint32_t slot)
{
	return set->words[slot / 32] >> (slot % 32) & 1;
}

static void set_filled(struct filled *set, uint32_t slot, bool value)
{
	uint32_t bit = 1u << (slot % 32);
	set->words[slot / 32] = value ? set->words[slot / 32] | bit : set->words[slot / 32] & ~bit;
}

static uint32_t read_u32(const uint8_t *at)
{
	uint32_t value;
	memcpy(&value, at, sizeof value);
	return value;
}

/* Finds the end of a string of the pool; 0 when it has none within bounds. */
static uint32_t string_end(const struct plan *plan, uint32_t offset)
{
	if (offset >= plan->pool_bytes)
		return 0;
	uint32_t room = plan->pool_bytes - offset;
	if (room > LIMIT_STRING_BYTES)
		room = LIMIT_STRING_BYTES;
	const uint8_t *nul = memchr(plan->pool + offset, 0, room);
	return nul ? (uint32_t)(nul - plan->pool) + 1 : 0;
}

static bool check_strings(struct checker *c, struct abi_range range)
{
	uint32_t next = range.offset;
	/* Every string takes at least its NUL, so a count beyond the pool is caught before it costs time. */
	if (range.count > c->plan->pool_bytes)
		return refuse(c, "more strings than the pool has bytes");
	for (uint32_t i = 0; i < range.count; i++) {
		next = string_end(c->plan, next);
		if (next == 0)
			return refuse(c, "string list leaves the pool");
	}
	return true;
}

static bool check_blob(struct checker *c, struct abi_range range)
{
	if (range.offset % 8 != 0)
		return refuse(c, "blob is not aligned");
	if (range.offset > c->plan->pool_bytes || range.count > c->plan->pool_bytes - range.offset)
		return refuse(c, "blob leaves the pool");
	return true;
}

static bool check_slot(struct checker *c, uint16_t kind, uint32_t slot, uint16_t stage)
{
	if (slot == SLOT_NONE && (kind == FIELD_SLOT_OR_NONE || kind == FIELD_NEW_SLOT_OR_NONE))
		return true;
	if (slot >= c->slot_count)
		return refuse(c, "slot is outside of the table");
	bool is_new = kind == FIELD_NEW_SLOT || kind == FIELD_NEW_SLOT_OR_NONE;
	if (is_new == is_filled(&c->filled[stage], slot))
		return refuse(c, is_new ? "slot is filled twice" : "slot is used while it is empty");
	if (is_new)
		set_filled(&c->filled[stage], slot, true);
	return true;
}

static bool check_field(struct checker *c, const struct abi_field *field, const uint8_t *op, uint16_t stage)
{
	const uint8_t *at = op + field->offset;
	struct abi_range range;
	switch ((enum abi_field_kind)field->kind) {
	case FIELD_U32:
	case FIELD_I32:
	case FIELD_U64:
	case FIELD_I64:
		return true;
	case FIELD_SLOT:
	case FIELD_SLOT_OR_NONE:
	case FIELD_NEW_SLOT:
	case FIELD_NEW_SLOT_OR_NONE:
		return check_slot(c, field->kind, read_u32(at), stage);
	case FIELD_STRING:
	case FIELD_STRING_OR_NONE:
		if (field->kind == FIELD_STRING_OR_NONE && read_u32(at) == STRING_NONE)
			return true;
		return string_end(c->plan, read_u32(at)) != 0 || refuse(c, "string leaves the pool");
	case FIELD_STRINGS:
		memcpy(&range, at, sizeof range);
		return check_strings(c, range);
	case FIELD_BLOB:
		memcpy(&range, at, sizeof range);
		return check_blob(c, range);
	}
	return refuse(c, "field of an unknown kind");
}

static bool check_prctl(struct checker *c, const struct op_prctl *op)
{
	switch (op->option) {
	case PR_SET_NO_NEW_PRIVS:
	case PR_SET_KEEPCAPS:
	case PR_SET_SECUREBITS:
	case PR_SET_DUMPABLE:
	case PR_SET_PDEATHSIG:
	case PR_SET_CHILD_SUBREAPER:
		return true;
	default:
		return refuse(c, "prctl option is not on the list");
	}
}

static bool use_once(struct checker *c, struct filled *used, uint32_t slot)
{
	if (slot == SLOT_NONE)
		return true;
	if (is_filled(used, slot))
		return refuse(c, "supervise uses a slot twice");
	set_filled(used, slot, true);
	return true;
}

/* Each descriptor that supervise keeps has one purpose, or it would be closed twice. */
static bool check_supervise(struct checker *c, const struct op_supervise *op)
{
	struct filled used = {{0}};
	const uint32_t kept[] = {op->stdin, op->stdout, op->stderr, op->log_directory, op->record, op->oom_file};
	if (op->terminal > 1 || op->stdin_once > 1)
		return refuse(c, "flag is neither 0 nor 1");
	if (op->clients.count % 8 != 0 || op->clients.count / 8 > LIMIT_ATTACH_CLIENTS)
		return refuse(c, "attach clients are not pairs, or too many");
	for (uint32_t i = 0; i < sizeof kept / sizeof *kept; i++)
		if (!use_once(c, &used, kept[i]))
			return false;
	for (uint32_t at = 0; at < op->clients.count; at += 8) {
		uint32_t slot = read_u32(plan_blob(c->plan, op->clients) + at);
		if (!check_slot(c, FIELD_SLOT, slot, STAGE_PARENT) || !use_once(c, &used, slot))
			return false;
	}
	c->terminal_wanted = op->terminal == 1;
	return true;
}

static bool check_blob_ops(struct checker *c, const struct abi_op_header *header)
{
	struct abi_range range;
	if (header->code == OP_SET_GROUPS) {
		range = ((const struct op_set_groups *)(const void *)header)->groups;
		if (((const struct op_set_groups *)(const void *)header)->may_be_forbidden > 1)
			return refuse(c, "flag is neither 0 nor 1");
		return (range.count % 4 == 0 && range.count / 4 <= NGROUPS_MAX) || refuse(c, "groups are not u32s");
	}
	range = ((const struct op_seccomp *)(const void *)header)->program;
	bool fits = range.count % 8 == 0 && range.count > 0 && range.count / 8 <= BPF_MAXINSNS;
	return fits || refuse(c, "seccomp program has no size that can be");
}

/* The place of the pid lies inside of the input. */
static bool check_hook(struct checker *c, const struct op_hook *op)
{
	if (op->arguments.count == 0)
		return refuse(c, "hook without arguments");
	return (op->input.count >= PID_BYTES && op->pid_offset <= op->input.count - PID_BYTES) ||
	       refuse(c, "the pid lies outside of the hook's input");
}

static bool check_pass_listener(struct checker *c, const struct op_pass_listener *op)
{
	if (op->message.count == 0 || op->pid_offsets.count % 4 != 0)
		return refuse(c, "message is empty, or offsets are not u32s");
	for (uint32_t at = 0; at < op->pid_offsets.count; at += 4) {
		uint32_t offset = read_u32(plan_blob(c->plan, op->pid_offsets) + at);
		if (op->message.count < PID_BYTES || offset > op->message.count - PID_BYTES)
			return refuse(c, "the pid lies outside of the message");
	}
	return true;
}

/* A terminal that comes over a socket is one like that which the child hands over. */
static bool check_adopt(struct checker *c, const struct op_adopt *op)
{
	if ((op->flags & ~(uint64_t)NAMESPACE_FLAGS) != 0)
		return refuse(c, "not namespace flags");
	return op->listener == SLOT_NONE || check_once(c, &c->has_pty);
}

static bool check_fd_number(struct checker *c, uint32_t fd)
{
	if (fd >= LIMIT_FIXED_FDS)
		return refuse(c, "descriptor number is too large");
	if (fd > c->plan->last_fixed_fd)
		c->plan->last_fixed_fd = fd;
	return true;
}

/* The rules that the types of the fields do not tell. */
static bool check_values(struct checker *c, const struct abi_op_header *header)
{
	const void *op = header;
	switch ((enum abi_op)header->code) {
	case OP_CLOSE:
		set_filled(&c->filled[header->stage], ((const struct op_close *)op)->slot, false);
		return true;
	case OP_MOVE_MOUNT:
		return ((const struct op_move_mount *)op)->create <= MISSING_TARGET_PLAIN_DIRECTORY ||
		       refuse(c, "create is not 0, 1, 2 or 3");
	case OP_UMOUNT:
		return (((const struct op_umount *)op)->flags & ~UMOUNT_FLAGS) == 0 ||
		       refuse(c, "unknown umount flags");
	case OP_OPEN_TREE:
		return ((const struct op_open_tree *)op)->path != STRING_NONE ||
		       ((const struct op_open_tree *)op)->dir != SLOT_NONE || refuse(c, "neither slot nor path");
	case OP_WRITE:
		return ((const struct op_write *)op)->path != STRING_NONE ||
		       ((const struct op_write *)op)->dir != SLOT_NONE || refuse(c, "neither slot nor path");
	case OP_SETNS:
		return (((const struct op_setns *)op)->nstype & ~(uint32_t)NAMESPACE_FLAGS) == 0 ||
		       refuse(c, "not a namespace type");
	case OP_UNSHARE:
		return (((const struct op_unshare *)op)->flags & ~(uint64_t)NAMESPACE_FLAGS) == 0 ||
		       refuse(c, "not namespace flags");
	case OP_CLONE:
		return (((const struct op_clone *)op)->flags & ~(uint64_t)NAMESPACE_FLAGS) == 0 ||
		       refuse(c, "not namespace flags");
	case OP_ID_MAP:
		return ((const struct op_id_map *)op)->deny_setgroups <= 1 || refuse(c, "flag is neither 0 nor 1");
	case OP_PTY:
		return ((const struct op_pty *)op)->console <= 1 || refuse(c, "flag is neither 0 nor 1");
	case OP_DUP2:
		return check_fd_number(c, ((const struct op_dup2 *)op)->fd);
	case OP_SET_RLIMIT:
		return ((const struct op_set_rlimit *)op)->resource < RLIM_NLIMITS || refuse(c, "unknown rlimit");
	case OP_PRCTL:
		return check_prctl(c, op);
	case OP_SET_GROUPS:
	case OP_SECCOMP:
		return check_blob_ops(c, header);
	case OP_FIND_PROGRAM:
		return ((const struct op_find_program *)op)->candidates.count > 0 || refuse(c, "no program to find");
	case OP_COPY_TREE:
		return ((const struct op_copy_tree *)op)->keep_top <= 1 || refuse(c, "flag is neither 0 nor 1");
	case OP_HOOK:
		return check_hook(c, op);
	case OP_PASS_LISTENER:
		return check_pass_listener(c, op);
	case OP_EXEC:
		return (((const struct op_exec *)op)->candidates.count > 0 &&
			((const struct op_exec *)op)->arguments.count > 0) ||
		       refuse(c, "exec without a program");
	case OP_SUPERVISE:
		return check_supervise(c, op);
	case OP_RUN:
		return ((const struct op_run *)op)->arguments.count > 0 || refuse(c, "run without arguments");
	case OP_ADOPT:
		return check_adopt(c, op);
	case OP_LEAVE:
		c->leaves = true;
		return ((const struct op_leave *)op)->wait_exec <= 1 || refuse(c, "flag is neither 0 nor 1");
	default:
		return true;
	}
}

static void raise_mark(uint32_t *highest, uint32_t mark)
{
	if (mark > *highest)
		*highest = mark;
}

/* Exactly one clone after all of prepare; exec or finish ends the child's list, supervise or leave the parent's. */
static bool check_order(struct checker *c, const struct abi_op_header *header)
{
	const void *op = header;
	if (c->has_clone == (header->stage == STAGE_PREPARE))
		return refuse(c, c->has_clone ? "prepare op after the clone" : "op of a process before the clone");
	if (header->stage == STAGE_CHILD && c->has_exec)
		return refuse(c, "child op after exec or finish");
	if (header->stage == STAGE_PARENT && c->has_parent_end)
		return refuse(c, "parent op after the last one");
	switch ((enum abi_op)header->code) {
	case OP_CLONE:
		c->filled[STAGE_PARENT] = c->filled[STAGE_PREPARE];
		c->filled[STAGE_CHILD] = c->filled[STAGE_PREPARE];
		return check_once(c, &c->has_clone);
	case OP_EXEC:
	case OP_FINISH:
		return check_once(c, &c->has_exec);
	case OP_INIT:
		return check_once(c, &c->has_init);
	case OP_PTY:
		return check_once(c, &c->has_pty);
	case OP_SUPERVISE:
	case OP_LEAVE:
		return check_once(c, &c->has_parent_end);
	case OP_SIGNAL_PEER:
		raise_mark(&c->signalled[header->stage], ((const struct op_signal_peer *)op)->mark);
		return true;
	case OP_AWAIT_PEER:
		raise_mark(&c->awaited[header->stage], ((const struct op_await_peer *)op)->mark);
		return true;
	case OP_SECCOMP:
		return ((const struct op_seccomp *)op)->listener == SLOT_NONE || check_once(c, &c->has_listener);
	case OP_PASS_LISTENER:
		return check_once(c, &c->passes_listener);
	case OP_ADOPT:
		return check_once(c, &c->has_adopt);
	default:
		return true;
	}
}

static bool check_op(struct checker *c, const uint8_t *at, size_t room)
{
	if (room < sizeof(struct abi_op_header))
		return refuse(c, "op is cut off");
	const struct abi_op_header *header = plan_op(at);
	if (header->code >= sizeof abi_layouts / sizeof *abi_layouts || abi_layouts[header->code].size == 0)
		return refuse(c, "unknown op");
	const struct abi_layout *layout = &abi_layouts[header->code];
	if (header->size != layout->size || header->size > room)
		return refuse(c, "op has the wrong size");
	if (header->flags != 0)
		return refuse(c, "unknown op flags");
	if (header->stage > STAGE_CHILD || !(layout->stages >> header->stage & 1))
		return refuse(c, "op in the wrong stage");
	if (!check_order(c, header))
		return false;
	for (unsigned i = 0; i < layout->field_count; i++)
		if (!check_field(c, &layout->fields[i], at, header->stage))
			return false;
	return check_values(c, header);
}

static bool check_header(struct checker *c, const struct abi_header *header, size_t length, uint32_t received)
{
	if (header->magic != PLAN_MAGIC)
		return refuse(c, "no plan: wrong magic number");
	if (header->version != ABI_VERSION)
		return refuse(c, "plan of another version");
	if (header->total_bytes != length || length > LIMIT_PLAN_BYTES)
		return refuse(c, "plan has the wrong length");
	if (header->pool_offset % 8 != 0 || header->pool_offset < sizeof *header || header->pool_offset > length)
		return refuse(c, "string pool is outside of the plan");
	if (header->op_count > LIMIT_OPS || header->reserved != 0)
		return refuse(c, "too many ops");
	if (header->received_count != received || received > LIMIT_RECEIVED_FDS)
		return refuse(c, "wrong number of descriptors");
	if (header->slot_count > LIMIT_SLOTS || header->slot_count < received)
		return refuse(c, "wrong number of slots");
	return true;
}

static bool check_whole(struct checker *c)
{
	if (!c->has_clone || !c->has_exec || !c->has_parent_end)
		return refuse(c, "clone, exec and finish, or supervise and leave are missing");
	if (!c->leaves && c->terminal_wanted != c->has_pty)
		return refuse(c, "pty without terminal, or terminal without pty");
	if (c->awaited[STAGE_PARENT] > c->signalled[STAGE_CHILD] ||
	    c->awaited[STAGE_CHILD] > c->signalled[STAGE_PARENT])
		return refuse(c, "a mark is awaited that nobody reaches");
	if (c->has_adopt && c->leaves)
		return refuse(c, "what is taken over would be left at once");
	if (c->has_listener != c->passes_listener)
		return refuse(c, "each waits for the other: a listener and its passing on");
	return true;
}

bool plan_decode(const uint8_t *bytes, size_t length, uint32_t received, struct plan *plan,
		 struct decode_problem *problem)
{
	struct checker c = {.plan = plan};
	struct abi_header header = {0};
	bool valid = length >= sizeof header;
	*plan = (struct plan){.last_fixed_fd = 2};
	if (valid)
		memcpy(&header, bytes, sizeof header);
	else
		c.check = "plan is shorter than its header";
	problem->op = header.op_count;
	valid = valid && check_header(&c, &header, length, received);
	if (valid) {
		*plan = (struct plan){.ops = bytes + sizeof header,
				      .pool = bytes + header.pool_offset,
				      .op_count = header.op_count,
				      .pool_bytes = (uint32_t)length - header.pool_offset,
				      .received_count = received,
				      .last_fixed_fd = 2};
		c.slot_count = header.slot_count;
		for (uint32_t slot = 0; slot < received; slot++)
			set_filled(&c.filled[STAGE_PREPARE], slot, true);
	}
	const uint8_t *at = plan->ops;
	for (uint32_t i = 0; valid && i < header.op_count; i++) {
		valid = check_op(&c, at, (size_t)(plan->pool - at));
		if (!valid)
			problem->op = i;
		else
			at += plan_op(at)->size;
	}
	if (valid && at != plan->pool)
		valid = refuse(&c, "bytes between the ops and the pool");
	valid = valid && check_whole(&c);
	problem->check = c.check;
	if (!valid)
		*plan = (struct plan){.last_fixed_fd = 2};
	return valid;
}
