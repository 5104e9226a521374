/*
 * A decoded plan: the bytes of the plan after every check of decode.c has passed. The accessors below trust
 * those checks; nothing else may build a struct plan.
 */
#ifndef TIFFIN_PLAN_H
#define TIFFIN_PLAN_H

#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#include "generated/abi.h"

struct plan {
	const uint8_t *ops;
	const uint8_t *pool;
	uint32_t op_count;
	uint32_t pool_bytes;
	uint32_t received_count;
	/* Highest fd number that a dup2 op wants, at least 2: internal descriptors must lie above. */
	uint32_t last_fixed_fd;
};

struct decode_problem {
	/* Index of the op, or op_count of the header for the plan as a whole. */
	uint32_t op;
	const char *check;
};

/*
 * Checks all of `bytes` (8-byte aligned) and fills `plan`, which points into it. `received` descriptors came with
 * the plan. False: `problem` says which check of which op failed, and nothing may be performed.
 */
bool plan_decode(const uint8_t *bytes, size_t length, uint32_t received, struct plan *plan,
		 struct decode_problem *problem);

static inline const struct abi_op_header *plan_op(const uint8_t *at)
{
	return (const struct abi_op_header *)(const void *)at;
}

/* NULL for STRING_NONE. */
static inline const char *plan_string(const struct plan *plan, uint32_t offset)
{
	return offset == STRING_NONE ? NULL : (const char *)plan->pool + offset;
}

static inline const uint8_t *plan_blob(const struct plan *plan, struct abi_range range)
{
	return plan->pool + range.offset;
}

/* The string after `text` in a `strings` field. */
static inline const char *plan_next_string(const char *text)
{
	return text + strlen(text) + 1;
}

/* Pointers to all strings of a field with NULL behind them; how many that is together. */
static inline size_t plan_fill_pointers(char **to, const struct plan *plan, struct abi_range range)
{
	const char *text = plan_string(plan, range.offset);
	for (uint32_t i = 0; i < range.count; i++, text = plan_next_string(text))
		to[i] = (char *)(uintptr_t)text;
	to[range.count] = NULL;
	return (size_t)range.count + 1;
}

#endif
