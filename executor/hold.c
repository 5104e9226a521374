/* The pause between an OCI create and start: what can be known before it, and who ends it. */
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include "kernel.h"
#include "ops.h"

int perform_find_program(struct start *s, const struct op_find_program *op)
{
	const char *candidate = plan_string(&s->plan, op->candidates.offset);
	int remembered = ENOENT;
	for (uint32_t i = 0; i < op->candidates.count; i++, candidate = plan_next_string(candidate)) {
		struct stat found;
		if (fstatat(AT_FDCWD, candidate, &found, 0) < 0) {
			if (errno != ENOENT && errno != ENOTDIR)
				remembered = errno;
			continue;
		}
		/* Mode bits, because ids and capabilities are not the program's own yet. */
		if (S_ISREG(found.st_mode) && (found.st_mode & 0111) != 0)
			return 0;
		remembered = EACCES;
	}
	errno = remembered;
	return fail(s, STEP_FIND_PROGRAM_FACCESSAT, plan_string(&s->plan, op->candidates.offset));
}

int perform_await_start(struct start *s, const struct op_await_start *op)
{
	int fd;
	do
		fd = accept4(slot_fd(s, op->listener), NULL, NULL, SOCK_CLOEXEC);
	while (fd < 0 && errno == EINTR);
	if (fd < 0)
		return fail_slot(s, STEP_AWAIT_START_ACCEPT4, op->listener);
	s->starter = fd;
	slot_close(s, op->listener);
	return 0;
}

static uint32_t failed_code(const struct start *s)
{
	const uint8_t *at = s->plan.ops;
	for (uint32_t i = 0; i < s->failure->op; i++)
		at += plan_op(at)->size;
	return plan_op(at)->code;
}

void hold_report_failure(struct start *s)
{
	const struct failure *f = s->failure;
	struct {
		struct abi_message_header header;
		struct message_failed body;
		char text[LIMIT_REPORT_OBJECT_BYTES];
	} message;
	if (s->starter < 0)
		return;
	memset(&message, 0, sizeof message);
	message.header = (struct abi_message_header){MESSAGE_FAILED, (uint32_t)sizeof message.body + f->text_bytes};
	message.body = (struct message_failed){
		.op = failed_code(s), .step = f->step, .error = f->error, .object_bytes = f->text_bytes};
	memcpy(message.text, f->text, f->text_bytes);
	/* The starter may not have plans of its own to look the op up in, so it gets the code. */
	send(s->starter, &message, sizeof message.header + message.header.body_bytes, MSG_NOSIGNAL | MSG_DONTWAIT);
}
