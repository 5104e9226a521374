/* How an operation of a start says what went wrong. */
#ifndef TIFFIN_FAILURE_H
#define TIFFIN_FAILURE_H

#include <stdint.h>

#include "generated/abi.h"

struct start;

/* The first thing that went wrong in a process. `text` is the object, and perhaps a NUL and an explanation. */
struct failure {
	uint32_t op;
	uint32_t step;
	uint32_t error;
	uint32_t text_bytes;
	char text[LIMIT_REPORT_OBJECT_BYTES];
};

/*
 * Notes that `step` of the current op failed with errno on `object` (NULL: nothing to name). Returns -1, what
 * every perform function returns on failure.
 */
int fail(struct start *s, uint32_t step, const char *object);

/* The same with an explanation by the kernel or by us. */
int fail_explained(struct start *s, uint32_t step, const char *object, const char *explanation);

/* Notes the failure as about a slot, for ops without a path. */
int fail_slot(struct start *s, uint32_t step, uint32_t slot);

#endif
