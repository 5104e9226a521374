/*
 * tiffin-executor NAME: waits for one plan on descriptor 3, performs it, and stays as the supervisor of what it
 * started. NAME is the socket, in the working directory, under which it can be found later; empty for a process
 * that will not be supervised. Started ahead of need by an engine; when that engine goes away before START, so does this process.
 */
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>

#include "kernel.h"
#include "supervisor.h"

#define CONTROLLER_FD 3
#define EXIT_PLAN_FAILED 1
#define EXIT_UNUSABLE 2
#define LAST_SIGNAL 64

/* Everything that a container must not inherit from us is put in order before there is one. */
static void prepare_process(void)
{
	sigset_t all;
	/* A closed standard descriptor would be given to something internal and end up in a container. */
	while (true) {
		int fd = open("/dev/null", O_RDWR | O_CLOEXEC);
		if (fd < 0 || fd > 2) {
			close_quietly(fd);
			break;
		}
		fcntl(fd, F_SETFD, 0);
	}
	fcntl(CONTROLLER_FD, F_SETFD, FD_CLOEXEC);
	/* Blocked instead of ignored: SIGTERM, SIGHUP and SIGPIPE must not end us, and the child only needs a new mask. */
	for (int number = 1; number <= LAST_SIGNAL; number++)
		signal(number, SIG_DFL);
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, NULL);
	setsid();
	/* Modes in plans are exact. */
	umask(0);
	/* Nothing in a container may look into this program while the two share a namespace (CVE-2019-5736). */
	if (geteuid() == 0)
		prctl(PR_SET_DUMPABLE, 0);
	prctl(PR_SET_NAME, "tf-warm");
}

/* Zeroed pages that cost nothing until they are written. */
static void *map_state(size_t bytes)
{
	void *state = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return state == MAP_FAILED ? NULL : state;
}

/* Waits for START. Returns the number of descriptors in `fds`, or -1 when the controller went away. */
static int await_start(struct supervisor *v, int *fds, int room)
{
	struct connection *controller = &v->connections[0];
	for (;;) {
		struct control_message message;
		int count = control_receive_fds(controller, fds, room);
		int received = 0;
		while (count >= 0 && received == 0) {
			received = control_receive(controller, &message);
			if (received == 0)
				poll(&(struct pollfd){.fd = controller->fd, .events = POLLIN}, 1, -1);
		}
		if (count < 0 || received < 0)
			return -1;
		if (message.type == MESSAGE_START && (uint32_t)count == message.body.start.fd_count && count > 0)
			return count;
		for (int i = 0; i < count; i++)
			close(fds[i]);
		if (message.type == MESSAGE_START)
			return -1;
		if (message.type == MESSAGE_QUERY)
			send_status(controller, PHASE_WAITING, 0, 0);
	}
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
	s->supervisor_fds[2] = CONTROLLER_FD;
	s->peer = s->child_peer = s->child_pidfd = s->terminal = s->terminal_slave = s->starter = -1;
	s->begun_ns = clock_ns(CLOCK_MONOTONIC);
}

static int report_failure(struct supervisor *v, const struct start *s)
{
	const struct failure *f = &s->own_failure;
	struct message_failed body = {.op = f->op, .step = f->step, .error = f->error, .object_bytes = f->text_bytes};
	v->wait_status = (int)f->error;
	v->finished_at_ns = clock_ns(CLOCK_REALTIME);
	record_write(v, RECORD_FAILED);
	listener_close(v);
	control_send(&v->connections[0], MESSAGE_FAILED, &body, sizeof body, f->text, f->text_bytes);
	return EXIT_PLAN_FAILED;
}

static int report_left(struct supervisor *v, const struct start *s)
{
	struct message_started body = {.pid = (uint32_t)s->child, .clone_ns = s->clone_ns, .exec_ns = s->exec_ns};
	listener_close(v);
	control_send_fd(&v->connections[0], MESSAGE_STARTED, &body, sizeof body, s->terminal);
	return 0;
}

/* The slot of the record, known before the parent's ops run, so that an early failure is recorded too. */
static void find_record(struct supervisor *v, struct start *s)
{
	const uint8_t *at = s->plan.ops;
	for (uint32_t i = 0; i < s->plan.op_count; i++, at += plan_op(at)->size)
		if (plan_op(at)->code == OP_SUPERVISE)
			v->record = slot_take(s, ((const struct op_supervise *)(const void *)at)->record);
}

static int run_plan(struct supervisor *v, int *fds, int count)
{
	struct start *s = map_state(sizeof *s);
	size_t length = 0;
	if (!s)
		return EXIT_UNUSABLE;
	start_init(s, v, fds, count);
	uint8_t *plan = load_plan(fds[0], &length);
	close(fds[0]);
	prctl(PR_SET_NAME, "tf-start");
	bool started = false;
	if (plan)
		started = start_perform(s, plan, length, (uint32_t)count - 1);
	else
		fail_explained(s, 0, NULL, "the plan cannot be read");
	find_record(v, s);
	if (!started)
		return report_failure(v, s);
	if (s->leave)
		return report_left(v, s);
	supervise(v, s);
	return 0;
}

int main(int argc, char **argv)
{
	int fds[LIMIT_RECEIVED_FDS + 1];
	struct supervisor *v = map_state(sizeof *v);
	if (argc != 2 || !v)
		return EXIT_UNUSABLE;
	prepare_process();
	v->connections[0] = (struct connection){.kind = CONNECTION_CONTROL, .fd = CONTROLLER_FD};
	v->listener = v->directory = v->pidfd = v->record = v->oom_file = v->terminal_slave = -1;
	v->log.directory = v->log.file = v->input.fd = v->outputs[0].fd = v->outputs[1].fd = -1;
	/* Without a name nobody will look for it: it leaves once the process runs. */
	if ((argv[1][0] && listener_open(v, argv[1]) < 0) || chdir("/") < 0)
		return EXIT_UNUSABLE;
	int count = await_start(v, fds, LIMIT_RECEIVED_FDS + 1);
	if (count < 0) {
		listener_close(v);
		return 0;
	}
	return run_plan(v, fds, count);
}
