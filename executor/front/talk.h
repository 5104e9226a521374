/* What the engine lets this process do with its own descriptors while a command lasts. */
#ifndef TIFFIN_FRONT_TALK_H
#define TIFFIN_FRONT_TALK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "../control.h"
#include "../generated/front.h"

struct talk {
	struct connection engine;
	/* Signals that are the engine's to know, as a descriptor; -1 while there are none. */
	int signals;
	/* How often the end was asked for since the engine's last word. */
	unsigned unanswered;
	/* Standard input is to be read, at most so many bytes; 0: not now. */
	uint32_t wanted;
	/* By descriptor, 1 and 2: what the first write that failed gave. */
	int failed[3];
	/* What to say, and to exit with, when the engine is gone. */
	char lost[ENGINE_LOST_TEXT_BYTES];
	uint32_t lost_bytes;
	int lost_code;
};

/* False: the connection is over. */
bool talk_send(struct talk *talk, uint32_t type, const void *body, uint32_t body_bytes, const void *more, uint32_t more_bytes);

/* The sizes of the windows of those descriptors that are terminals. */
bool talk_send_windows(struct talk *talk);

/* Bit n: descriptor n is a terminal. */
uint32_t terminals(void);

/* What the engine asks for. */
void catch_signals(struct talk *talk, uint64_t signals);
void set_raw_input(bool on);

/* There is a signal, or input. */
bool tell_signal(struct talk *talk);
bool tell_input(struct talk *talk);

/* output.c: the bytes that follow the message, to the caller's descriptor. False: the connection is over. */
bool write_output(struct talk *talk, const struct message_output *body);

/* Ends this process with the terminal as it was. */
_Noreturn void leave(int code);

#endif
