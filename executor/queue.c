#include "queue.h"

#include <string.h>
#include <sys/mman.h>

#define FIRST_ROOM ((size_t)64 * 1024)

static bool queue_grow(struct queue *queue, size_t wanted)
{
	size_t room = queue->room ? queue->room : FIRST_ROOM;
	while (room < wanted)
		room *= 2;
	void *grown;
	if (queue->bytes)
		grown = mremap(queue->bytes, queue->room, room, MREMAP_MAYMOVE);
	else
		grown = mmap(NULL, room, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (grown == MAP_FAILED)
		return false;
	queue->bytes = grown;
	queue->room = room;
	return true;
}

bool queue_append(struct queue *queue, const void *bytes, size_t count)
{
	size_t length = queue_length(queue);
	if (queue->begin > 0 && queue->end + count > queue->room) {
		memmove(queue->bytes, queue->bytes + queue->begin, length);
		queue->begin = 0;
		queue->end = length;
	}
	if (queue->end + count > queue->room && !queue_grow(queue, queue->end + count))
		return false;
	memcpy(queue->bytes + queue->end, bytes, count);
	queue->end += count;
	return true;
}

void queue_consume(struct queue *queue, size_t count)
{
	queue->begin += count;
	if (queue->begin == queue->end)
		queue_free(queue);
}

void queue_free(struct queue *queue)
{
	if (queue->bytes)
		munmap(queue->bytes, queue->room);
	*queue = (struct queue){0};
}
