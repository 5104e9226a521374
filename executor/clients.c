/*
 * Attach clients. Each has its own queue; one that stops reading holds the container back once it is far behind,
 * one that is gone is dropped at once. Without a terminal the bytes are framed as Docker frames them.
 */
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel.h"
#include "supervisor.h"

/* The process waits while more is unread. What comes after its end is taken nevertheless, for it is little: a pipe's content. */
#define QUEUE_LIMIT ((size_t)1024 * 1024)
/* Only processes that outlive the main one can write so much more. */
#define QUEUE_LIMIT_LATE (4 * QUEUE_LIMIT)
#define INPUT_CHUNK ((size_t)16 * 1024)
#define FRAME_BYTES 8

/* Both directions are over, or nobody is there any more. */
static void close_if_done(struct connection *client)
{
	if (client->input_ended && client->output_ended)
		connection_close(client);
}

static void end_output(struct connection *client)
{
	client->output_ended = true;
	queue_free(&client->output);
}

/* Sends what the socket takes at once; returns how much that was, or marks the output as ended. */
static size_t send_now(struct connection *client, struct iovec *parts, size_t part_count, size_t total)
{
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = part_count};
	ssize_t sent;
	do
		sent = sendmsg(client->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL);
	while (sent < 0 && errno == EINTR);
	if (sent >= 0)
		return (size_t)sent;
	if (errno == EAGAIN)
		return 0;
	end_output(client);
	return total;
}

static void client_send(struct connection *client, const void *head, size_t head_bytes, const void *body,
			size_t body_bytes)
{
	struct iovec parts[] = {
		{(void *)(uintptr_t)head, head_bytes},
		{(void *)(uintptr_t)body, body_bytes},
	};
	size_t total = head_bytes + body_bytes;
	size_t sent = 0;
	if (client->output_ended)
		return;
	if (queue_length(&client->output) == 0)
		sent = send_now(client, parts, 2, total);
	if (sent == total)
		return;
	if (queue_length(&client->output) > QUEUE_LIMIT_LATE) {
		end_output(client);
		return;
	}
	size_t head_rest = sent < head_bytes ? head_bytes - sent : 0;
	size_t body_sent = sent < head_bytes ? 0 : sent - head_bytes;
	bool kept = head_rest == 0 || queue_append(&client->output, (const char *)head + sent, head_rest);
	if (!kept || !queue_append(&client->output, (const char *)body + body_sent, body_bytes - body_sent))
		end_output(client);
}

void client_begin(struct supervisor *v, struct connection *client, uint32_t flags)
{
	client->kind = CONNECTION_ATTACH;
	client->flags = flags;
	if (flags & ATTACH_LOGS) {
		log_measure(&v->log);
		const uint64_t position = v->log.end;
		client_send(client, &position, sizeof position, NULL, 0);
	}
}

void clients_send(struct supervisor *v, const struct output *from, const uint8_t *bytes, size_t count)
{
	bool is_raw = v->input.is_terminal;
	uint8_t stream = from->stream == LOG_STDOUT ? 1 : 2;
	const uint8_t frame[FRAME_BYTES] = {stream, 0, 0, 0, (uint8_t)(count >> 24), (uint8_t)(count >> 16),
					    (uint8_t)(count >> 8), (uint8_t)count};
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *client = &v->connections[i];
		if (client->kind != CONNECTION_ATTACH || !(client->flags & from->wanted_by))
			continue;
		client_send(client, frame, is_raw ? 0 : sizeof frame, bytes, count);
		close_if_done(client);
	}
}

void client_flush(struct connection *client)
{
	size_t length = queue_length(&client->output);
	struct iovec part = {client->output.bytes + client->output.begin, length};
	if (length == 0)
		return;
	size_t sent = send_now(client, &part, 1, length);
	if (client->output_ended)
		close_if_done(client);
	else
		queue_consume(&client->output, sent);
}

static void end_input(struct supervisor *v, struct connection *client)
{
	client->input_ended = true;
	if (client->flags & ATTACH_STDIN && v->input.once)
		input_close(&v->input);
	close_if_done(client);
}

void client_read(struct supervisor *v, struct connection *client)
{
	uint8_t bytes[INPUT_CHUNK];
	ssize_t count = recv(client->fd, bytes, sizeof bytes, MSG_DONTWAIT);
	if (count > 0 && client->flags & ATTACH_STDIN)
		input_write(&v->input, bytes, (size_t)count);
	else if (count == 0 || (count < 0 && errno != EAGAIN && errno != EINTR))
		end_input(v, client);
}

void client_hang_up(struct supervisor *v, struct connection *client)
{
	/* What it sent before it left still counts as input, so its reading goes on until the end. */
	end_output(client);
	if (!(client->flags & ATTACH_STDIN) && !client->input_ended)
		end_input(v, client);
	else
		close_if_done(client);
}

bool clients_are_full(const struct supervisor *v)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (queue_length(&v->connections[i].output) > QUEUE_LIMIT)
			return true;
	return false;
}

size_t clients_count(const struct supervisor *v)
{
	size_t count = 0;
	for (size_t i = 0; i < CONNECTIONS; i++)
		count += v->connections[i].kind == CONNECTION_ATTACH;
	return count;
}

bool clients_have_pending(const struct supervisor *v)
{
	for (size_t i = 0; i < CONNECTIONS; i++)
		if (queue_length(&v->connections[i].output) > 0)
			return true;
	return false;
}

void clients_end(struct supervisor *v)
{
	for (size_t i = 0; i < CONNECTIONS; i++) {
		struct connection *client = &v->connections[i];
		if (client->kind != CONNECTION_ATTACH)
			continue;
		if (!client->output_ended && queue_length(&client->output) == 0) {
			shutdown(client->fd, SHUT_WR);
			client->output_ended = true;
			close_if_done(client);
		}
	}
}
