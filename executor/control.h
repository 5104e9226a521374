/* A connection to a controller (the engine) or, after `attach`, to a client of the container's streams. */
#ifndef TIFFIN_CONTROL_H
#define TIFFIN_CONTROL_H

#include <stdbool.h>
#include <stdint.h>

#include "generated/abi.h"
#include "queue.h"

enum connection_kind { CONNECTION_FREE, CONNECTION_CONTROL, CONNECTION_ATTACH };

#define CONTROL_BODY_BYTES 16

struct connection {
	enum connection_kind kind;
	int fd;
	/* Control: a whole message has come; until then it may turn out to be an attach client. */
	bool has_spoken;
	/* Control: the part of a message that has arrived. */
	uint32_t input_bytes;
	uint8_t input[sizeof(struct abi_message_header) + CONTROL_BODY_BYTES];
	/* Attach: enum abi_attach bits, and what this client has not taken yet. */
	uint32_t flags;
	bool input_ended;
	bool output_ended;
	struct queue output;
};

struct control_message {
	uint32_t type;
	union {
		uint32_t words[CONTROL_BODY_BYTES / 4];
		struct message_start start;
		struct message_go go;
		struct message_resize resize;
		struct message_signal signal;
		struct message_attach attach;
		struct message_output output;
		struct message_await_exit await_exit;
		struct message_end end;
		struct message_become become;
		struct message_catch_signals catch_signals;
		struct message_raw_input raw_input;
		struct message_read_input read_input;
		struct message_leave leave;
		struct message_when_lost when_lost;
	} body;
};

/*
 * Reads at most one message, never a byte beyond it (what follows `attach` belongs to the stream). 1: `message` is
 * whole; 0: not yet; -1: the connection is over or speaks something else.
 */
int control_receive(struct connection *connection, struct control_message *message);

/*
 * Waits for the next message and the descriptors that come with it (at most `room`; their number goes into `count`). False:
 * the connection is over. What came along then is nobody's any more, so the process has to end.
 */
bool control_await(struct connection *connection, struct control_message *message, int *fds, int room, int *count);

/* START, and the descriptors that it has come with are all that it speaks of. */
bool control_is_whole_start(const struct control_message *message, int count);

/* Sends a message if the connection is open and takes it at once; a controller that does not read loses it. */
void control_send(struct connection *connection, uint32_t type, const void *body, uint32_t body_bytes,
		  const void *text, uint32_t text_bytes);

/* The same with one descriptor (-1: none). */
void control_send_fd(struct connection *connection, uint32_t type, const void *body, uint32_t body_bytes, int fd);

void connection_close(struct connection *connection);

#endif
