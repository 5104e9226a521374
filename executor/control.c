#include "control.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "kernel.h"

static uint32_t expected_body(uint32_t type)
{
	switch (type) {
	case MESSAGE_START:
		return sizeof(struct message_start);
	case MESSAGE_GO:
		return sizeof(struct message_go);
	case MESSAGE_RESIZE:
		return sizeof(struct message_resize);
	case MESSAGE_SIGNAL:
		return sizeof(struct message_signal);
	case MESSAGE_ATTACH:
		return sizeof(struct message_attach);
	case MESSAGE_OUTPUT:
		return sizeof(struct message_output);
	case MESSAGE_AWAIT_EXIT:
		return sizeof(struct message_await_exit);
	case MESSAGE_END:
		return sizeof(struct message_end);
	case MESSAGE_BECOME:
		return sizeof(struct message_become);
	case MESSAGE_CATCH_SIGNALS:
		return sizeof(struct message_catch_signals);
	case MESSAGE_RAW_INPUT:
		return sizeof(struct message_raw_input);
	case MESSAGE_READ_INPUT:
		return sizeof(struct message_read_input);
	case MESSAGE_LEAVE:
		return sizeof(struct message_leave);
	case MESSAGE_WHEN_LOST:
		return sizeof(struct message_when_lost);
	case MESSAGE_QUERY:
	case MESSAGE_CLOSE_STDIN:
	case MESSAGE_HELLO:
	case MESSAGE_ALONE:
		return 0;
	default:
		return UINT32_MAX;
	}
}

/* Bytes of the message whose header has arrived; 0 when it is none that a controller may send. */
static uint32_t message_bytes(const struct connection *connection)
{
	struct abi_message_header header;
	memcpy(&header, connection->input, sizeof header);
	uint32_t expected = expected_body(header.type);
	if (expected > CONTROL_BODY_BYTES || header.body_bytes != expected)
		return 0;
	return (uint32_t)sizeof header + header.body_bytes;
}

int control_receive(struct connection *connection, struct control_message *message)
{
	const uint32_t header_bytes = sizeof(struct abi_message_header);
	uint32_t wanted = header_bytes;
	for (;;) {
		if (connection->input_bytes >= header_bytes)
			wanted = message_bytes(connection);
		if (wanted == 0)
			return -1;
		if (connection->input_bytes == wanted)
			break;
		ssize_t bytes = recv(connection->fd, connection->input + connection->input_bytes,
				     wanted - connection->input_bytes, MSG_DONTWAIT);
		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0 && errno == EAGAIN)
			return 0;
		if (bytes <= 0)
			return -1;
		connection->input_bytes += (uint32_t)bytes;
	}
	memset(message, 0, sizeof *message);
	memcpy(&message->type, connection->input, sizeof message->type);
	memcpy(&message->body, connection->input + header_bytes, wanted - header_bytes);
	connection->input_bytes = 0;
	connection->has_spoken = true;
	return 1;
}

/*
 * The header of the first message and the descriptors that come with it (at most `room`; blocking). Returns their number,
 * or -1 when the connection ended. Message and body follow by control_receive.
 */
static int receive_fds(struct connection *connection, int *fds, int room)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int) * (LIMIT_RECEIVED_FDS + 1))];
		struct cmsghdr align;
	} control;
	struct iovec part = {connection->input, sizeof(struct abi_message_header)};
	struct msghdr message = {
		.msg_iov = &part,
		.msg_iovlen = 1,
		.msg_control = control.bytes,
		.msg_controllen = sizeof control.bytes,
	};
	ssize_t bytes;
	do
		bytes = recvmsg(connection->fd, &message, MSG_CMSG_CLOEXEC);
	while (bytes < 0 && errno == EINTR);
	if (bytes <= 0)
		return -1;
	connection->input_bytes = (uint32_t)bytes;
	int count = 0;
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&message); c; c = CMSG_NXTHDR(&message, c)) {
		if (c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_RIGHTS)
			continue;
		int sent = (int)((c->cmsg_len - CMSG_LEN(0)) / sizeof(int));
		for (int i = 0; i < sent && count < room; i++)
			memcpy(&fds[count++], CMSG_DATA(c) + i * (int)sizeof(int), sizeof(int));
	}
	return count;
}

bool control_await(struct connection *connection, struct control_message *message, int *fds, int room, int *count)
{
	int received = 0;
	*count = receive_fds(connection, fds, room);
	while (*count >= 0 && received == 0) {
		received = control_receive(connection, message);
		if (received == 0)
			poll(&(struct pollfd){.fd = connection->fd, .events = POLLIN}, 1, -1);
	}
	return *count >= 0 && received > 0;
}

bool control_is_whole_start(const struct control_message *message, int count)
{
	return message->type == MESSAGE_START && count > 0 && (uint32_t)count == message->body.start.fd_count;
}

static void send_parts(struct connection *connection, struct iovec *parts, size_t count, int fd)
{
	union {
		char bytes[CMSG_SPACE(sizeof(int))];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr message = {.msg_iov = parts, .msg_iovlen = count};
	if (fd >= 0) {
		message.msg_control = control.bytes;
		message.msg_controllen = sizeof control.bytes;
		struct cmsghdr *c = CMSG_FIRSTHDR(&message);
		*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fd), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
		memcpy(CMSG_DATA(c), &fd, sizeof fd);
	}
	/* Messages are small and few: one that does not fit means that nobody has been reading for a long time. */
	if (sendmsg(connection->fd, &message, MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
		connection_close(connection);
}

void control_send(struct connection *connection, uint32_t type, const void *body, uint32_t body_bytes,
		  const void *text, uint32_t text_bytes)
{
	struct abi_message_header header = {type, body_bytes + text_bytes};
	struct iovec parts[] = {
		{&header, sizeof header},
		{(void *)(uintptr_t)body, body_bytes},
		{(void *)(uintptr_t)text, text_bytes},
	};
	if (connection->kind == CONNECTION_CONTROL)
		send_parts(connection, parts, 3, -1);
}

void control_send_fd(struct connection *connection, uint32_t type, const void *body, uint32_t body_bytes, int fd)
{
	struct abi_message_header header = {type, body_bytes};
	struct iovec parts[] = {{&header, sizeof header}, {(void *)(uintptr_t)body, body_bytes}};
	if (connection->kind == CONNECTION_CONTROL)
		send_parts(connection, parts, 2, fd);
}

void connection_close(struct connection *connection)
{
	close_quietly(connection->fd);
	queue_free(&connection->output);
	*connection = (struct connection){.kind = CONNECTION_FREE, .fd = -1};
}
