#include "start.h"

#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include "kernel.h"
#include "ops.h"
#include "peer.h"
#include "text.h"

/* One look at the counter for each op: what one ends is what the next one begins. */
static void note_time(struct start *s, uint32_t code)
{
#ifdef WITHOUT_OP_TIMES /* Of the bench, which tells what this costs. */
	(void)s, (void)code;
#else
	uint64_t now = ticks_now();
	/* Both processes come back from the clone; it is the parent's. */
	if (!s->is_child || code != OP_CLONE)
		s->progress->ticks[s->op] = now - s->since;
	s->since = now;
	if (s->is_child)
		s->progress->since = now;
#endif
}

/* Nobody comes back from the exec: the parent sees its end. */
static void note_exec(struct start *s)
{
	uint64_t now = ticks_now();
	s->exec_ns = clock_ns(CLOCK_MONOTONIC) - s->begun_ns;
	s->exec_ticks = now - s->begun_ticks;
	if (s->progress->op < s->plan.op_count && now > s->progress->since)
		s->progress->ticks[s->progress->op] = now - s->progress->since;
}

static int perform_stage(struct start *s, enum abi_stage stage)
{
	const uint8_t *at = s->plan.ops;
	for (uint32_t i = 0; i < s->plan.op_count; i++) {
		const struct abi_op_header *op = plan_op(at);
		at += op->size;
		if (op->stage != stage)
			continue;
		s->op = i;
		if (s->is_child)
			s->progress->op = i;
		if (perform(s, op) < 0)
			return -1;
		note_time(s, op->code);
	}
	return 0;
}

/* argv and envp of the exec, made here because a seccomp filter may forbid the child to get memory. */
static int prepare_pointers(struct start *s)
{
	const struct op_exec *exec = NULL;
	const uint8_t *at = s->plan.ops;
	for (uint32_t i = 0; i < s->plan.op_count; i++, at += plan_op(at)->size)
		if (plan_op(at)->code == OP_EXEC)
			exec = (const struct op_exec *)(const void *)at;
	if (!exec)
		return 0;
	s->pointers_bytes = ((size_t)exec->arguments.count + exec->environment.count + 2) * sizeof(char *);
	s->pointers = mmap(NULL, s->pointers_bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (s->pointers == MAP_FAILED)
		return -1;
	s->arguments = s->pointers;
	s->environment = s->arguments + plan_fill_pointers(s->arguments, &s->plan, exec->arguments);
	plan_fill_pointers(s->environment, &s->plan, exec->environment);
	return 0;
}

/* Shared with the child: where it is, and what failed. */
static int open_conversation(struct start *s)
{
	int pair[2];
	s->progress_bytes = sizeof *s->progress + s->plan.op_count * sizeof *s->progress->ticks;
	s->progress = mmap(NULL, s->progress_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (s->progress == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) < 0)
		return -1;
	s->peer = move_above_fixed(s, pair[0]);
	s->child_peer = move_above_fixed(s, pair[1]);
	return 0;
}

static _Noreturn void run_child(struct start *s)
{
	perform_stage(s, STAGE_CHILD);
	hold_report_failure(s);
	_exit(1);
}

/* The child ended without a word: killed from outside, or by its own seccomp filter. */
static void explain_silent_end(struct start *s, const siginfo_t *end)
{
	char number[DECIMAL_BYTES];
	char text[64];
	bool exited = end->si_code == CLD_EXITED;
	write_decimal(number, (uint64_t)end->si_status);
	join_text(text, sizeof text, exited ? "exited with " : "ended by signal ", number, "");
	s->op = s->progress->op;
	errno = ECHILD;
	fail_explained(s, 0, NULL, text);
}

/* After a failure: nothing of the child remains, and its own account of what went wrong wins over ours. */
static void end_child(struct start *s, bool child_ended_first)
{
	siginfo_t end = {0};
	if (s->child <= 0)
		return;
	sys_pidfd_send_signal(s->child_pidfd, SIGKILL);
	while (waitid((idtype_t)P_PIDFD, (id_t)s->child_pidfd, &end, WEXITED | __WALL) < 0 && errno == EINTR)
		;
	if (s->progress->state == PROGRESS_FAILED)
		s->own_failure = s->progress->failure;
	else if (child_ended_first)
		explain_silent_end(s, &end);
}

static bool parent_failed(struct start *s)
{
	/* ECHILD is how parent ops say that the child's end of the conversation is closed. */
	end_child(s, s->own_failure.error == ECHILD);
	return false;
}

static bool finish_parent(struct start *s)
{
	if (perform_stage(s, STAGE_PARENT) < 0)
		return parent_failed(s);
	if (s->leave && !s->leave->wait_exec)
		return true;
	peer_await_end(s);
	bool runs = s->progress->state == PROGRESS_EXECUTING;
	if (runs && s->adopt && adopt_process(s) < 0)
		return parent_failed(s);
	note_exec(s);
	if (!runs)
		end_child(s, true);
	return runs;
}

static bool is_supervised(const struct plan *plan)
{
	const uint8_t *at = plan->ops;
	for (uint32_t i = 0; i < plan->op_count; i++, at += plan_op(at)->size)
		if (plan_op(at)->code == OP_SUPERVISE)
			return true;
	return false;
}

bool start_perform(struct start *s, const uint8_t *bytes, size_t length, uint32_t received)
{
	struct decode_problem problem;
	if (!plan_decode(bytes, length, received, &s->plan, &problem)) {
		s->op = problem.op;
		errno = EBADMSG;
		fail_explained(s, 0, NULL, problem.check);
		return false;
	}
	for (uint32_t slot = 0; slot < received; slot++)
		s->slots[slot] = move_above_fixed(s, s->slots[slot]);
	s->dies_with_supervisor = is_supervised(&s->plan);
	s->since = ticks_now();
	if (prepare_pointers(s) < 0 || open_conversation(s) < 0) {
		fail(s, 0, NULL);
		return false;
	}
	if (perform_stage(s, STAGE_PREPARE) < 0 && !s->is_child)
		return parent_failed(s);
	if (s->is_child)
		run_child(s);
	return finish_parent(s);
}
