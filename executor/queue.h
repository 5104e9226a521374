/* Bytes that a slow reader has not taken yet. Memory is mapped while there are some and given back when not. */
#ifndef TIFFIN_QUEUE_H
#define TIFFIN_QUEUE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct queue {
	uint8_t *bytes;
	size_t room;
	size_t begin;
	size_t end;
};

static inline size_t queue_length(const struct queue *queue)
{
	return queue->end - queue->begin;
}

/* False: no memory; nothing was added. */
bool queue_append(struct queue *queue, const void *bytes, size_t count);

/* Drops `count` bytes from the front. */
void queue_consume(struct queue *queue, size_t count);

void queue_free(struct queue *queue);

#endif
