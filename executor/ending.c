/* The end of the main process: its status, the record, and who is told. The record comes first. */
#include <string.h>
#include <sys/wait.h>

#include "kernel.h"
#include "supervisor.h"

#define OOM_KEY "oom_kill "

/* How long after the end the output waits for clients that do not read, and for stray processes that hold it open. */
#define LATE_OUTPUT_NS (LATE_OUTPUT_MS * UINT64_C(1000000))

/* memory.oom_control (v1) and memory.events (v2) both have a line `oom_kill N`. */
static bool read_oom_killed(int fd)
{
	char text[1024];
	ssize_t bytes = fd < 0 ? 0 : pread(fd, text, sizeof text - 1, 0);
	if (bytes <= 0)
		return false;
	text[bytes] = 0;
	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (strncmp(line, OOM_KEY, strlen(OOM_KEY)) == 0)
			return line[strlen(OOM_KEY)] != '0';
	}
	return false;
}

void note_end(struct supervisor *v)
{
	while (waitpid(v->pid, &v->wait_status, __WALL) < 0 && errno == EINTR)
		;
	v->finished_at_ns = clock_ns(CLOCK_REALTIME);
	v->oom_killed = read_oom_killed(v->oom_file);
	v->phase = PHASE_EXITED;
	v->deadline_ns = clock_ns(CLOCK_MONOTONIC) + LATE_OUTPUT_NS;
	close_quietly(take_fd(&v->pidfd));
}

void report_end(struct supervisor *v)
{
	struct message_exited body = {
		.pid = (uint32_t)v->pid,
		.wait_status = (uint32_t)v->wait_status,
		.oom_killed = v->oom_killed,
		.finished_at_ns = v->finished_at_ns,
	};
	record_write(v, RECORD_EXITED);
	listener_close(v);
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *connection = &v->connections[i];
		/* What it has asked for already comes first: an attach client would take the message for output. */
		controller_read(v, connection);
		if (connection->has_spoken)
			control_send(connection, MESSAGE_EXITED, &body, sizeof body, NULL, 0);
	}
}
