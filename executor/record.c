/* The record file: preallocated and written in place, so that a full disk cannot lose how a container ended. */
#include <string.h>

#include "kernel.h"
#include "supervisor.h"

void record_write(const struct supervisor *v, enum abi_record_state state)
{
	uint8_t bytes[RECORD_BYTES] = {0};
	struct abi_record record = {
		.magic = RECORD_MAGIC,
		.version = ABI_VERSION,
		.state = state,
		.pid = (uint32_t)v->pid,
		.wait_status = (uint32_t)v->wait_status,
		.oom_killed = v->oom_killed,
		.started_at_ns = v->started_at_ns,
		.finished_at_ns = v->finished_at_ns,
	};
	if (v->record < 0)
		return;
	memcpy(bytes, &record, sizeof record);
	while (pwrite(v->record, bytes, sizeof bytes, 0) < 0 && errno == EINTR)
		;
}
