/* The container's stdin. What does not fit is kept until it does; meanwhile no client is read. */
#include <errno.h>
#include <unistd.h>

#include "kernel.h"
#include "supervisor.h"

static void close_now(struct input *input)
{
	/* The master of a terminal serves output too; its owner closes it. */
	if (!input->is_terminal)
		close_quietly(input->fd);
	input->fd = -1;
	queue_free(&input->pending);
}

/* Bytes taken; all of them when nobody will ever read them. */
static size_t write_some(struct input *input, const uint8_t *bytes, size_t count)
{
	size_t done = 0;
	while (done < count) {
		ssize_t written = write(input->fd, bytes + done, count - done);
		if (written < 0 && errno == EINTR)
			continue;
		if (written < 0 && errno == EAGAIN)
			return done;
		if (written < 0) {
			close_now(input);
			return count;
		}
		done += (size_t)written;
	}
	return done;
}

bool input_accepts(const struct input *input)
{
	return input->fd < 0 || queue_length(&input->pending) == 0;
}

void input_write(struct input *input, const uint8_t *bytes, size_t count)
{
	if (input->fd < 0 || input->closing)
		return;
	size_t done = write_some(input, bytes, count);
	if (done < count && !queue_append(&input->pending, bytes + done, count - done))
		close_now(input);
}

void input_flush(struct input *input)
{
	size_t length = queue_length(&input->pending);
	if (input->fd < 0 || length == 0)
		return;
	size_t done = write_some(input, input->pending.bytes + input->pending.begin, length);
	if (input->fd >= 0)
		queue_consume(&input->pending, done);
	if (input->fd >= 0 && input->closing && queue_length(&input->pending) == 0)
		close_now(input);
}

void input_close(struct input *input)
{
	/* A terminal has no end of input: a client that detaches leaves it to the next one. */
	if (input->is_terminal)
		return;
	input->closing = true;
	if (input->fd >= 0 && queue_length(&input->pending) == 0)
		close_now(input);
}
