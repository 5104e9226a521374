/* What the front and the executor in its place have in common: saying what the helper says. */
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>

#include "caller.h"
#include "kernel.h"

#define CHUNK 4096u

static void write_all(int fd, const char *bytes, size_t count)
{
	while (count > 0) {
		ssize_t written = write(fd, bytes, count);
		if (written < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (written < 0 && errno != EINTR)
			return;
		if (written > 0) {
			bytes += written;
			count -= (size_t)written;
		}
	}
}

bool caller_output(struct connection *helper, const struct message_output *body)
{
	char bytes[CHUNK];
	/* A reader that has gone away is no error of the command. */
	signal(SIGPIPE, SIG_IGN);
	for (uint32_t left = body->bytes; left > 0;) {
		ssize_t got = recv(helper->fd, bytes, left < CHUNK ? left : CHUNK, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		write_all((int)body->fd, bytes, (size_t)got);
		left -= (uint32_t)got;
	}
	return true;
}
