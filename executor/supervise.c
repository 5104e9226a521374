/* From a successful start to a supervisor: keeps what it needs and lets go of everything else. */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

#include "kernel.h"
#include "slots.h"
#include "supervisor.h"

static void set_nonblocking(int fd)
{
	if (fd >= 0)
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
}

static void take_streams(struct supervisor *v, struct start *s)
{
	const struct op_supervise *op = s->supervise;
	v->input = (struct input){.fd = slot_take(s, op->stdin), .once = op->stdin_once == 1};
	v->outputs[0] = (struct output){slot_take(s, op->stdout), LOG_STDOUT, ATTACH_STDOUT};
	v->outputs[1] = (struct output){slot_take(s, op->stderr), LOG_STDERR, ATTACH_STDERR};
	if (op->terminal) {
		v->input.fd = s->terminal;
		v->input.is_terminal = true;
		/* Everything is one stream, whichever of the two a client asked for. */
		v->outputs[0] = (struct output){s->terminal, LOG_STDOUT, ATTACH_STDOUT | ATTACH_STDERR};
		v->terminal_slave = s->terminal_slave;
	}
	set_nonblocking(v->input.fd);
	set_nonblocking(v->outputs[0].fd);
	set_nonblocking(v->outputs[1].fd);
}

static void take_clients(struct supervisor *v, struct start *s)
{
	struct abi_range range = s->supervise->clients;
	for (uint32_t at = 0; at < range.count; at += 8) {
		uint32_t pair[2];
		memcpy(pair, plan_blob(&s->plan, range) + at, sizeof pair);
		struct connection *client = connection_free_slot(v, CONNECTION_ATTACH, slot_take(s, pair[0]));
		if (client)
			client_begin(v, client, pair[1]);
	}
}

static void take_files(struct supervisor *v, struct start *s)
{
	const struct op_supervise *op = s->supervise;
	v->log = (struct log){
		.directory = slot_take(s, op->log_directory),
		.file = -1,
		.limit_bytes = op->log_file_bytes,
		.files = op->log_files,
	};
	v->oom_file = slot_take(s, op->oom_file);
}

/* Mounts, namespaces and cgroups that the start went through must not be held by this process. */
static void let_go(struct start *s)
{
	for (uint32_t slot = 0; slot < LIMIT_SLOTS; slot++)
		slot_close(s, slot);
	close_quietly(take_fd(&s->peer));
	munmap(s->progress, s->progress_bytes);
	if (s->pointers_bytes > 0)
		munmap(s->pointers, s->pointers_bytes);
}

/*
 * The ticks of the ops become numbers in the unit of the message, in their place; returns how many bytes they have. What a tick
 * is follows from the whole start, which was measured both ways.
 */
static uint32_t times_of_ops(struct start *s)
{
	uint32_t count = s->plan.op_count;
	uint32_t *times = (uint32_t *)(void *)s->progress->ticks;
	if (count > LIMIT_TIMED_OPS || s->exec_ticks == 0)
		return 0;
#ifdef WITHOUT_OP_TIMES
	return 0;
#endif
	double units_per_tick = (double)s->exec_ns / OP_TIME_UNIT_NS / (double)s->exec_ticks;
	for (uint32_t i = 0; i < count; i++) {
		uint64_t ticks = s->progress->ticks[i];
		double units = ticks <= s->exec_ticks ? (double)ticks * units_per_tick : 0;
		times[i] = units < UINT32_MAX ? (uint32_t)units : UINT32_MAX;
	}
	return count * (uint32_t)sizeof *times;
}

void supervise(struct supervisor *v, struct start *s)
{
	struct message_started body = {.pid = (uint32_t)s->child, .clone_ns = s->clone_ns, .exec_ns = s->exec_ns};
	v->pid = s->child;
	v->pidfd = s->child_pidfd;
	v->own_pid_namespace = (s->clone_flags & CLONE_NEWPID) != 0;
	v->started_at_ns = clock_ns(CLOCK_REALTIME);
	v->phase = PHASE_RUNNING;
	record_write(v, RECORD_RUNNING);
	control_send(&v->connections[0], MESSAGE_STARTED, &body, sizeof body, s->progress->ticks, times_of_ops(s));
	take_streams(v, s);
	take_files(v, s);
	take_clients(v, s);
	let_go(s);
	prctl(PR_SET_NAME, "tf-sup");
	run_loop(v);
}
