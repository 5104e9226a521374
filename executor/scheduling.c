/* How the kernel runs the program: execution domain, scheduler, processors, memory nodes, disk priority. */
#include "kernel.h"
#include "ops.h"

#define WHO_PROCESS 1

/* The kernel's structure; headers of older machines lack it. */
struct scheduler_attributes {
	uint32_t size;
	uint32_t policy;
	uint64_t flags;
	int32_t nice;
	uint32_t priority;
	uint64_t runtime;
	uint64_t deadline;
	uint64_t period;
};

int perform_personality(struct start *s, const struct op_personality *op)
{
	if (syscall(SYS_personality, (unsigned long)op->persona) < 0)
		return fail(s, STEP_PERSONALITY_PERSONALITY, NULL);
	return 0;
}

int perform_set_scheduler(struct start *s, const struct op_set_scheduler *op)
{
	struct scheduler_attributes attributes = {
		.size = sizeof attributes,
		.policy = op->policy,
		.flags = op->flags,
		.nice = op->nice,
		.priority = op->priority,
		.runtime = op->runtime,
		.deadline = op->deadline,
		.period = op->period,
	};
	if (syscall(SYS_sched_setattr, 0, &attributes, 0) < 0)
		return fail(s, STEP_SET_SCHEDULER_SCHED_SETATTR, NULL);
	return 0;
}

int perform_set_io_priority(struct start *s, const struct op_set_io_priority *op)
{
	if (syscall(SYS_ioprio_set, WHO_PROCESS, 0, op->value) < 0)
		return fail(s, STEP_SET_IO_PRIORITY_IOPRIO_SET, NULL);
	return 0;
}

int perform_set_affinity(struct start *s, const struct op_set_affinity *op)
{
	if (syscall(SYS_sched_setaffinity, 0, (unsigned long)op->mask.count, plan_blob(&s->plan, op->mask)) < 0)
		return fail(s, STEP_SET_AFFINITY_SCHED_SETAFFINITY, NULL);
	return 0;
}

int perform_set_memory_policy(struct start *s, const struct op_set_memory_policy *op)
{
	/* The kernel takes the number of bits plus one. */
	const void *nodes = op->nodes.count == 0 ? NULL : plan_blob(&s->plan, op->nodes);
	unsigned long bits = op->nodes.count == 0 ? 0 : op->nodes.count * 8ul + 1;
	if (syscall(SYS_set_mempolicy, op->mode, nodes, bits) < 0)
		return fail(s, STEP_SET_MEMORY_POLICY_SET_MEMPOLICY, NULL);
	return 0;
}
