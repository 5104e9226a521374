/*
 * fuzz-decode ITERATIONS RANDOM-SEED FILE...: feeds damaged copies of the plans in FILE... to the decoder, under
 * ASan and UBSan. A plan that passes all checks is walked as the executor would walk it. Deterministic: the same
 * arguments give the same inputs. Prints how many inputs were accepted.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "plan.h"

#define SEEDS 64
#define SEED_BYTES 65536
#define MOST_DAMAGES 4

static uint64_t next_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static const uint32_t interesting[] = {0, 1, 7, 8, 255, 256, 0xffff, 0x7fffffff, 0x80000000, 0xfffffff8, 0xffffffff};

/* Damages the bytes in one place, or changes the length. Returns the new length, never a larger one. */
static size_t damage(uint8_t *bytes, size_t length, uint64_t *state)
{
	if (length < 4)
		return length;
	size_t place = next_random(state) % length;
	uint32_t value = interesting[next_random(state) % (sizeof interesting / sizeof *interesting)];
	switch (next_random(state) % 6) {
	case 0:
		bytes[place] = (uint8_t)next_random(state);
		break;
	case 1:
		bytes[place] ^= (uint8_t)(1u << (next_random(state) % 8));
		break;
	case 2:
		memcpy(bytes + (place & ~(size_t)3) - (place > length - 4 ? 4 : 0), &value, sizeof value);
		break;
	case 3: {
		size_t from = next_random(state) % length;
		size_t count = next_random(state) % 64;
		if (count > length - place)
			count = length - place;
		if (count > length - from)
			count = length - from;
		memmove(bytes + place, bytes + from, count);
		break;
	}
	case 4: {
		/* A small number in an aligned word: a slot, a stage, a count or a code of another op. */
		uint32_t small = (uint32_t)(next_random(state) % 64);
		memcpy(bytes + (place & ~(size_t)3) - (place > length - 4 ? 4 : 0), &small, sizeof small);
		break;
	}
	default:
		if (next_random(state) % 4 == 0)
			length = place;
	}
	return length;
}

/* Reads all that the executor would read of an accepted plan; the sum keeps the compiler from leaving it out. */
static size_t walk(const struct plan *plan)
{
	size_t sum = 0;
	const uint8_t *at = plan->ops;
	for (uint32_t i = 0; i < plan->op_count; i++, at += plan_op(at)->size) {
		if (plan_op(at)->code == OP_EXEC) {
			const struct op_exec *op = (const struct op_exec *)(const void *)at;
			const char *text = plan_string(plan, op->arguments.offset);
			for (uint32_t n = 0; n < op->arguments.count; n++, text = plan_next_string(text))
				sum += strlen(text);
		} else if (plan_op(at)->code == OP_WRITE) {
			const struct op_write *op = (const struct op_write *)(const void *)at;
			const char *path = plan_string(plan, op->path);
			sum += path ? strlen(path) : 0;
			for (uint32_t n = 0; n < op->data.count; n++)
				sum += plan_blob(plan, op->data)[n];
		}
	}
	return sum;
}

/* Each input lies in memory of exactly its own size, so that reading one byte too much is caught. */
static bool try_input(const uint8_t *bytes, size_t length, uint32_t received, size_t *sum)
{
	struct plan plan;
	struct decode_problem problem;
	uint8_t *copy = malloc(length ? length : 1);
	memcpy(copy, bytes, length);
	bool accepted = plan_decode(copy, length, received, &plan, &problem);
	if (accepted)
		*sum += walk(&plan);
	else if (!problem.check)
		abort();
	free(copy);
	return accepted;
}

int main(int argc, char **argv)
{
	static uint8_t seeds[SEEDS][SEED_BYTES];
	static uint8_t input[SEED_BYTES];
	size_t lengths[SEEDS] = {0};
	size_t count = 0;
	if (argc < 4)
		return 2;
	unsigned long iterations = strtoul(argv[1], NULL, 10);
	uint64_t state = strtoull(argv[2], NULL, 10) * 2 + 1;
	for (int i = 3; i < argc && count < SEEDS; i++) {
		FILE *file = fopen(argv[i], "rb");
		if (!file)
			return 2;
		lengths[count] = fread(seeds[count], 1, SEED_BYTES, file);
		fclose(file);
		count++;
	}
	unsigned long accepted = 0;
	size_t sum = 0;
	for (unsigned long i = 0; i < iterations; i++) {
		size_t which = next_random(&state) % count;
		size_t length = lengths[which];
		memcpy(input, seeds[which], length);
		uint32_t received = 0;
		if (length >= sizeof(struct abi_header))
			memcpy(&received, input + offsetof(struct abi_header, received_count), sizeof received);
		for (uint64_t n = next_random(&state) % MOST_DAMAGES; n > 0; n--)
			length = damage(input, length, &state);
		/* Half of the cut inputs say their true length, so that the deeper checks see them too. */
		uint32_t told = (uint32_t)length;
		if (length >= sizeof(struct abi_header) && next_random(&state) % 2)
			memcpy(input + offsetof(struct abi_header, total_bytes), &told, sizeof told);
		accepted += try_input(input, length, received, &sum);
	}
	printf("%lu of %lu accepted (%zu)\n", accepted, iterations, sum);
	return 0;
}
