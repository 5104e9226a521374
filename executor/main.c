/*
 * tiffin-executor NAME: waits for one plan on descriptor 3, performs it, and stays as the supervisor of what it
 * started. NAME is the socket, in the working directory, under which it can be found later; empty for a process
 * that will not be supervised. Started ahead of need by an engine; when that engine goes away before START, so does this process.
 * With --caller instead of a name: see caller.h.
 */
#include <string.h>
#include <sys/prctl.h>

#include "caller.h"
#include "kernel.h"
#include "supervisor.h"

#define EXIT_PLAN_FAILED 1
#define EXIT_UNUSABLE 2

/* Waits for START. Returns the number of descriptors in `fds`, or -1 when the controller went away. */
static int await_start(struct supervisor *v, int *fds, int room)
{
	struct connection *controller = &v->connections[0];
	struct control_message message;
	int count;
	while (control_await(controller, &message, fds, room, &count)) {
		if (control_is_whole_start(&message, count))
			return count;
		for (int i = 0; i < count; i++)
			close(fds[i]);
		if (message.type == MESSAGE_START)
			break;
		if (message.type == MESSAGE_QUERY)
			send_status(controller, PHASE_WAITING, 0, 0);
	}
	return -1;
}

int main(int argc, char **argv)
{
	int fds[LIMIT_RECEIVED_FDS + 1];
	struct supervisor *v = map_state(sizeof *v);
	if (argc < 2 || !v)
		return EXIT_UNUSABLE;
	v->connections[0] = (struct connection){.kind = CONNECTION_CONTROL, .fd = CONTROL_FD};
	v->listener = v->directory = v->pidfd = v->record = v->oom_file = v->terminal_slave = -1;
	v->log.directory = v->log.file = v->input.fd = v->outputs[0].fd = v->outputs[1].fd = -1;
	if (strcmp(argv[1], CALLER_OPTION) == 0)
		return argc > CALLER_FIRST_WORD ? caller_serve(v, argv) : EXIT_UNUSABLE;
	if (argc != 2)
		return EXIT_UNUSABLE;
	setsid();
	prepare_process(CONTROL_FD);
	prctl(PR_SET_NAME, "tf-warm");
	/* Without a name nobody will look for it: it leaves once the process runs. */
	if ((argv[1][0] && listener_open(v, argv[1]) < 0) || chdir("/") < 0)
		return EXIT_UNUSABLE;
	int count = await_start(v, fds, LIMIT_RECEIVED_FDS + 1);
	if (count < 0) {
		listener_close(v);
		return 0;
	}
	prctl(PR_SET_NAME, "tf-start");
	struct start *s = run_plan(v, fds, count);
	if (!s)
		return EXIT_PLAN_FAILED;
	if (!s->leave)
		supervise(v, s);
	return 0;
}
