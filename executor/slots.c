#include "slots.h"

#include "kernel.h"
#include "start.h"

int slot_fd(const struct start *s, uint32_t slot)
{
	return slot == SLOT_NONE ? -1 : s->slots[slot];
}

int move_above_fixed(const struct start *s, int fd)
{
	if (fd < 0 || (uint32_t)fd > s->plan.last_fixed_fd)
		return fd;
	int moved = fcntl(fd, F_DUPFD_CLOEXEC, (int)s->plan.last_fixed_fd + 1);
	if (moved < 0)
		return fd;
	close_quietly(fd);
	return moved;
}

void slot_fill(struct start *s, uint32_t slot, int fd)
{
	s->slots[slot] = move_above_fixed(s, fd);
}

void slot_close(struct start *s, uint32_t slot)
{
	close_quietly(slot_take(s, slot));
}

int slot_take(struct start *s, uint32_t slot)
{
	return slot == SLOT_NONE ? -1 : take_fd(&s->slots[slot]);
}
