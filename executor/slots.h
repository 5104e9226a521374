/* The descriptors of a start, by the slots that its plan names them with. */
#ifndef TIFFIN_SLOTS_H
#define TIFFIN_SLOTS_H

#include <stdint.h>

struct start;

/* Keeps the numbers that dup2 ops will use free of our own descriptors: `fd` (owned), perhaps under another number. */
int move_above_fixed(const struct start *s, int fd);

/* The descriptor in `slot`, or -1 for SLOT_NONE. */
int slot_fd(const struct start *s, uint32_t slot);

/* Puts `fd` (owned) into the empty slot. */
void slot_fill(struct start *s, uint32_t slot, int fd);

void slot_close(struct start *s, uint32_t slot);

/* Gives up the slot: the caller owns what was in it, -1 for SLOT_NONE. */
int slot_take(struct start *s, uint32_t slot);

#endif
