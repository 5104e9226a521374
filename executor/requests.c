/* What a controller may ask of a supervisor. */
#include <sys/ioctl.h>
#include <termios.h>

#include "kernel.h"
#include "supervisor.h"

static void resize(struct supervisor *v, const struct message_resize *body)
{
	struct winsize size = {.ws_row = (unsigned short)body->rows, .ws_col = (unsigned short)body->columns};
	/* The kernel tells the foreground job (SIGWINCH) when the size is another one than before. */
	if (v->input.is_terminal && v->outputs[0].fd >= 0)
		ioctl(v->outputs[0].fd, TIOCSWINSZ, &size);
}

/* False: the message is none that a supervisor takes. */
static bool answer(struct supervisor *v, struct connection *from, const struct control_message *message)
{
	switch (message->type) {
	case MESSAGE_QUERY:
		send_status(from, v->phase, (uint32_t)v->pid, v->started_at_ns);
		return true;
	case MESSAGE_RESIZE:
		resize(v, &message->body.resize);
		return true;
	case MESSAGE_SIGNAL:
		if (v->phase == PHASE_RUNNING)
			sys_pidfd_send_signal(v->pidfd, (int)message->body.signal.number);
		return true;
	case MESSAGE_CLOSE_STDIN:
		input_close(&v->input);
		return true;
	case MESSAGE_ATTACH:
		if (clients_count(v) >= LIMIT_ATTACH_CLIENTS)
			return false;
		client_begin(v, from, message->body.attach.flags);
		return true;
	case MESSAGE_GO:
		return true;
	default:
		return false;
	}
}

void controller_read(struct supervisor *v, struct connection *controller)
{
	struct control_message message;
	while (controller->kind == CONNECTION_CONTROL) {
		int received = control_receive(controller, &message);
		if (received == 0)
			return;
		if (received < 0 || !answer(v, controller, &message)) {
			connection_close(controller);
			return;
		}
	}
}
