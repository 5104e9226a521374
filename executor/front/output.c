/*
 * Output for a caller's descriptor that stands still: signals must be told all the same, so no write may block for long.
 * A pipe that is ready takes a page without waiting, an empty one all that it has room for; a descriptor is not made
 * non-blocking, since others have it too.
 */
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "../kernel.h"
#include "talk.h"

#define CHUNK_BYTES 65536u
#define READY_BYTES 4096u

/* How much a descriptor that is ready takes without waiting. */
static size_t room_of(int fd, size_t wanted)
{
	struct stat found;
	int unread = 1;
	if (fstat(fd, &found) == 0 && S_ISREG(found.st_mode))
		return wanted;
	int room = fcntl(fd, F_GETPIPE_SZ);
	if (room > 0 && ioctl(fd, FIONREAD, &unread) == 0 && unread == 0)
		return wanted < (size_t)room ? wanted : (size_t)room;
	return wanted < READY_BYTES ? wanted : READY_BYTES;
}

static bool is_ready(struct talk *talk, int fd)
{
	struct pollfd table[] = {{.fd = fd, .events = POLLOUT}, {.fd = talk->signals, .events = POLLIN}};
	if (poll(table, 2, -1) < 0)
		return false;
	if (table[1].revents)
		tell_signal(talk);
	return table[0].revents != 0;
}

static void put(struct talk *talk, int fd, const char *bytes, size_t count)
{
	while (count > 0 && talk->failed[fd] == 0) {
		/* A descriptor that nobody waits for may take all. */
		bool is_patient = talk->signals < 0;
		if (!is_patient && !is_ready(talk, fd))
			continue;
		ssize_t written = write(fd, bytes, is_patient ? count : room_of(fd, count));
		if (written < 0 && errno == EAGAIN)
			poll(&(struct pollfd){.fd = fd, .events = POLLOUT}, 1, -1);
		else if (written < 0 && errno != EINTR)
			talk->failed[fd] = errno;
		if (written > 0) {
			bytes += written;
			count -= (size_t)written;
		}
	}
}

bool write_output(struct talk *talk, const struct message_output *body)
{
	static char bytes[CHUNK_BYTES];
	const int fd = (int)body->fd;
	if (fd != STDOUT_FILENO && fd != STDERR_FILENO)
		return false;
	const bool was_good = talk->failed[fd] == 0;
	/* That a reader has gone is the engine's to know, and no end of this process. */
	__sighandler_t before = signal(SIGPIPE, SIG_IGN);
	for (uint32_t left = body->bytes; left > 0;) {
		ssize_t got = recv(talk->engine.fd, bytes, left < CHUNK_BYTES ? left : CHUNK_BYTES, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			return false;
		put(talk, fd, bytes, (size_t)got);
		left -= (uint32_t)got;
	}
	signal(SIGPIPE, before);
	struct message_output_failed failed = {.fd = body->fd, .error = (uint32_t)talk->failed[fd]};
	return !was_good || failed.error == 0 || talk_send(talk, MESSAGE_OUTPUT_FAILED, &failed, sizeof failed, NULL, 0);
}
