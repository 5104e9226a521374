#include "peer.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "kernel.h"
#include "ops.h"
#include "phase.h"

enum peer_kind { PEER_MARK = 1, PEER_TERMINAL = 2 };

struct peer_message {
	uint32_t kind;
	uint32_t mark;
};

union terminal_control {
	char bytes[CMSG_SPACE(2 * sizeof(int))];
	struct cmsghdr align;
};

int peer_send_terminal(const struct start *s, int master, int slave)
{
	struct peer_message body = {.kind = PEER_TERMINAL};
	struct iovec part = {&body, sizeof body};
	union terminal_control control = {{0}};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	int fds[2] = {master, slave};
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	*c = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof fds), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
	memcpy(CMSG_DATA(c), fds, sizeof fds);
	return sendmsg(s->peer, &message, MSG_NOSIGNAL) < 0 ? -1 : 0;
}

/* Takes one message from the other process. False: its end is closed. */
static bool receive(struct start *s)
{
	struct peer_message body = {0};
	struct iovec part = {&body, sizeof body};
	union terminal_control control;
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	ssize_t bytes;
	/* ECONNRESET: the other end closed with a mark unread. What it sent before is still to come. */
	do
		bytes = recvmsg(s->peer, &message, MSG_CMSG_CLOEXEC);
	while (bytes < 0 && (errno == EINTR || errno == ECONNRESET));
	if (bytes <= 0)
		return false;
	struct cmsghdr *c = CMSG_FIRSTHDR(&message);
	if (body.kind == PEER_TERMINAL && c && c->cmsg_len == CMSG_LEN(2 * sizeof(int))) {
		int fds[2];
		memcpy(fds, CMSG_DATA(c), sizeof fds);
		close_quietly(s->terminal);
		close_quietly(s->terminal_slave);
		s->terminal = fds[0];
		s->terminal_slave = fds[1];
	} else if (body.kind == PEER_MARK && body.mark > s->reached_mark) {
		s->reached_mark = body.mark;
	}
	return true;
}

/*
 * What a controller may say while the child is starting. Returns the type of the message, 0 for none; when the
 * controller is gone, that is no reason to give up.
 */
static uint32_t hear_controller(struct start *s, struct control_message *message)
{
	int received = control_receive(s->controller, message);
	if (received < 0)
		connection_close(s->controller);
	if (received <= 0)
		return 0;
	if (message->type == MESSAGE_QUERY)
		send_status(s->controller, PHASE_STARTING, (uint32_t)s->child, 0);
	if (message->type == MESSAGE_SIGNAL && message->body.signal.number == SIGKILL)
		sys_pidfd_send_signal(s->child_pidfd, SIGKILL);
	return message->type;
}

int peer_controller(const struct start *s)
{
	return s->controller->kind == CONNECTION_CONTROL ? s->controller->fd : -1;
}

void peer_hear_controller(struct start *s)
{
	struct control_message message;
	hear_controller(s, &message);
}

/* Waits for the next event; returns false when the child's end is closed, and notes what the controller said. */
static bool next_event(struct start *s, struct control_message *message)
{
	message->type = 0;
	struct pollfd wanted[] = {
		{.fd = s->peer, .events = POLLIN},
		{.fd = peer_controller(s), .events = POLLIN},
	};
	if (poll(wanted, 2, -1) < 0)
		return true;
	if (wanted[1].revents)
		hear_controller(s, message);
	return wanted[0].revents == 0 || receive(s);
}

void peer_await_end(struct start *s)
{
	struct control_message message;
	while (next_event(s, &message))
		;
}

int perform_signal_peer(struct start *s, const struct op_signal_peer *op)
{
	struct peer_message body = {.kind = PEER_MARK, .mark = op->mark};
	if (send(s->peer, &body, sizeof body, MSG_NOSIGNAL) >= 0)
		return 0;
	if (errno == EPIPE || errno == ECONNRESET)
		errno = ECHILD;
	return fail(s, STEP_SIGNAL_PEER_WRITE, NULL);
}

int perform_await_peer(struct start *s, const struct op_await_peer *op)
{
	struct control_message message;
	while (s->reached_mark < op->mark) {
		if (s->is_child ? receive(s) : next_event(s, &message))
			continue;
		errno = ECHILD;
		return fail(s, STEP_AWAIT_PEER_READ, NULL);
	}
	return 0;
}

int perform_sync(struct start *s, const struct op_sync *op)
{
	struct message_synced body = {.id = op->id, .pid = (uint32_t)s->child};
	struct control_message message;
	control_send(s->controller, MESSAGE_SYNCED, &body, sizeof body, NULL, 0);
	for (;;) {
		/* Only the engine can do what stands behind this op, so without it the start is over. */
		if (s->controller->kind != CONNECTION_CONTROL) {
			errno = ECONNRESET;
			return fail(s, STEP_SYNC_SEND, NULL);
		}
		if (!next_event(s, &message)) {
			errno = ECHILD;
			return fail(s, STEP_SYNC_RECEIVE, NULL);
		}
		if (message.type == MESSAGE_GO && message.body.go.id == op->id)
			return 0;
	}
}
