/* Where an executor is in its life, as `status` reports it. */
#ifndef TIFFIN_PHASE_H
#define TIFFIN_PHASE_H

#include "control.h"

static inline void send_status(struct connection *connection, enum abi_phase phase, uint32_t pid, uint64_t started_at_ns)
{
	struct message_status body = {.phase = phase, .pid = pid, .started_at_ns = started_at_ns};
	control_send(connection, MESSAGE_STATUS, &body, sizeof body, NULL, 0);
}

#endif
