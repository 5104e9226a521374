/* A caller that stays until its program ends. Every signal is blocked here (see identity of main.c), so none is lost. */
#include <poll.h>
#include <string.h>
#include <sys/wait.h>

#include "caller.h"
#include "kernel.h"

#define KERNEL_SIGSET_BYTES 8
#define SIGNAL_RECORD_BYTES 128

static void pass_signal(int signals, int pidfd)
{
	struct {
		uint32_t number;
		uint8_t rest[SIGNAL_RECORD_BYTES - 4];
	} record;
	if (read(signals, &record, sizeof record) == (ssize_t)sizeof record)
		sys_pidfd_send_signal(pidfd, (int)record.number);
}

void caller_await(struct connection *helper, const struct start *s, uint64_t signals, struct message_exited *ended)
{
	int status = 0;
	OWNED_FD source = (int)syscall(SYS_signalfd4, -1, &signals, KERNEL_SIGSET_BYTES, O_CLOEXEC | O_NONBLOCK);
	struct pollfd table[] = {
		{.fd = s->child_pidfd, .events = POLLIN},
		{.fd = source, .events = POLLIN},
		/* Nothing is to be heard now but the end. Whatever becomes of the helper, the program goes on. */
		{.fd = helper->fd, .events = 0},
	};
	while (table[0].revents == 0) {
		if (poll(table, 3, -1) < 0)
			continue;
		if (table[1].revents)
			pass_signal(source, s->child_pidfd);
		if (table[2].revents)
			table[2].fd = -1;
	}
	while (waitpid(s->child, &status, __WALL) < 0 && errno == EINTR)
		;
	*ended = (struct message_exited){
		.pid = (uint32_t)s->child,
		.wait_status = (uint32_t)status,
		.finished_at_ns = clock_ns(CLOCK_REALTIME),
	};
}
