/* One plan: read, performed, and answered for. */
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "kernel.h"
#include "slots.h"
#include "supervisor.h"

/* Zeroed pages that cost nothing until they are written. */
void *map_state(size_t bytes)
{
	void *state = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return state == MAP_FAILED ? NULL : state;
}

/* Reads the plan into memory of our own: whatever its file is, it cannot change under the checks. */
static uint8_t *load_plan(int fd, size_t *length)
{
	struct stat found;
	if (fstat(fd, &found) < 0)
		return NULL;
	if (found.st_size <= 0 || found.st_size > LIMIT_PLAN_BYTES) {
		errno = EBADMSG;
		return NULL;
	}
	*length = (size_t)found.st_size;
	uint8_t *bytes = map_state(*length);
	if (bytes && pread(fd, bytes, *length, 0) != (ssize_t)*length) {
		munmap(bytes, *length);
		errno = EBADMSG;
		return NULL;
	}
	return bytes;
}

static void start_init(struct start *s, struct supervisor *v, int *fds, int count)
{
	for (uint32_t slot = 0; slot < LIMIT_SLOTS; slot++)
		s->slots[slot] = -1;
	for (int i = 1; i < count; i++)
		s->slots[i - 1] = fds[i];
	s->failure = &s->own_failure;
	s->controller = &v->connections[0];
	s->supervisor_fds[0] = v->listener;
	s->supervisor_fds[1] = v->directory;
	s->supervisor_fds[2] = v->connections[0].fd;
	s->peer = s->child_peer = s->child_pidfd = s->terminal = s->terminal_slave = s->starter = -1;
	s->begun_ns = clock_ns(CLOCK_MONOTONIC);
	s->begun_ticks = ticks_now();
}

static void report_failure(struct supervisor *v, const struct start *s)
{
	const struct failure *f = &s->own_failure;
	struct message_failed body = {.op = f->op, .step = f->step, .error = f->error, .object_bytes = f->text_bytes};
	v->wait_status = (int)f->error;
	v->finished_at_ns = clock_ns(CLOCK_REALTIME);
	record_write(v, RECORD_FAILED);
	listener_close(v);
	control_send(&v->connections[0], MESSAGE_FAILED, &body, sizeof body, f->text, f->text_bytes);
}

static void report_left(struct supervisor *v, const struct start *s)
{
	struct message_started body = {.pid = (uint32_t)s->child, .clone_ns = s->clone_ns, .exec_ns = s->exec_ns};
	listener_close(v);
	control_send_fd(&v->connections[0], MESSAGE_STARTED, &body, sizeof body, s->terminal);
}

/* The slot of the record, known before the parent's ops run, so that an early failure is recorded too. */
static void find_record(struct supervisor *v, struct start *s)
{
	const uint8_t *at = s->plan.ops;
	for (uint32_t i = 0; i < s->plan.op_count; i++, at += plan_op(at)->size)
		if (plan_op(at)->code == OP_SUPERVISE)
			v->record = slot_take(s, ((const struct op_supervise *)(const void *)at)->record);
}

struct start *run_plan(struct supervisor *v, int *fds, int count)
{
	struct start *s = map_state(sizeof *s);
	size_t length = 0;
	if (!s)
		return NULL;
	start_init(s, v, fds, count);
	uint8_t *plan = load_plan(fds[0], &length);
	close(fds[0]);
	bool started = false;
	if (plan)
		started = start_perform(s, plan, length, (uint32_t)count - 1);
	else
		fail_explained(s, 0, NULL, "the plan cannot be read");
	find_record(v, s);
	if (started && s->leave)
		report_left(v, s);
	if (started)
		return s;
	report_failure(v, s);
	return NULL;
}
