/*
 * One start of a process: the state that ops work on, shared by the files that perform them. The supervisor and
 * the child each have their own copy after the clone, except for `progress`, which is one shared page.
 */
#ifndef TIFFIN_START_H
#define TIFFIN_START_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control.h"
#include "failure.h"
#include "generated/abi.h"
#include "plan.h"

enum progress_state { PROGRESS_WORKING, PROGRESS_FAILED, PROGRESS_EXECUTING };

/*
 * Written by the child, read by the supervisor once the child's end of the peer socket is closed. Memory instead
 * of a message, because a seccomp filter may forbid every write before exec.
 */
struct progress {
	uint32_t op;
	uint32_t state;
	/* The child as the supervisor counts; the kernel writes it before the child runs. */
	pid_t pid;
	/* Number in the child of its seccomp listener, plus one. The filter may forbid the child to say so otherwise. */
	int listener;
	/* The supervisor has taken the listener and handed it on. */
	int listener_passed;
	/* When the child began what it does now. */
	uint64_t since;
	struct failure failure;
	/* Of each op how long it took, noted by the process that performed it. */
	uint64_t ticks[];
};

struct start {
	struct plan plan;
	/* File descriptors by slot, -1 when empty. */
	int slots[LIMIT_SLOTS];
	/* Index of the op that is being performed. */
	uint32_t op;
	struct failure *failure;
	struct failure own_failure;
	struct progress *progress;
	size_t progress_bytes;
	/* When this process began what it does now. */
	uint64_t since;
	uint64_t begun_ticks;
	/* From the beginning to the exec, as `exec_ns`. */
	uint64_t exec_ticks;
	/* Socket to the other process: marks both ways, the pty to the supervisor. It ends at exec. */
	int peer;
	int child_peer;
	uint32_t reached_mark;
	struct connection *controller;
	/* Descriptors that the child must not keep: listener, controller, socket directory. */
	int supervisor_fds[3];
	/* In a held child: who started it, -1 without. Ends at exec. */
	int starter;
	bool is_child;
	/* The child must not outlive its supervisor. */
	bool dies_with_supervisor;
	bool umask_chosen;
	bool defaults_restored;
	pid_t child;
	int child_pidfd;
	uint64_t clone_flags;
	uint64_t begun_ns;
	uint64_t clone_ns;
	uint64_t exec_ns;
	/* The pty that the child handed over, -1 without. */
	int terminal;
	int terminal_slave;
	const struct op_supervise *supervise;
	const struct op_leave *leave;
	/* The child is a runtime that starts the process; with the index of its op. */
	const struct op_adopt *adopt;
	uint32_t adopt_index;
	/* Pointers into the plan for execve, and the mapping that they lie in. */
	char **arguments;
	char **environment;
	void *pointers;
	size_t pointers_bytes;
};

/*
 * Performs the plan in `bytes` up to the exec. True: the program runs (or, with `leave`, may run later). False:
 * the child is dead and reaped, and *s->failure says why.
 */
bool start_perform(struct start *s, const uint8_t *bytes, size_t length, uint32_t received);

#endif
