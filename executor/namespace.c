/* Entering and making namespaces, and the one clone of a plan. */
#include <linux/sched.h>
#include <sched.h>
#include <string.h>
#include <sys/prctl.h>

#include "kernel.h"
#include "ops.h"
#include "text.h"

int perform_setns(struct start *s, const struct op_setns *op)
{
	if (setns(slot_fd(s, op->slot), (int)op->nstype) < 0)
		return fail_slot(s, STEP_SETNS_SETNS, op->slot);
	return 0;
}

int perform_unshare(struct start *s, const struct op_unshare *op)
{
	/* The wrapper takes an int; CLONE_NEWTIME fits, CLONE_INTO_CGROUP and the like were refused. */
	if (syscall(SYS_unshare, (unsigned long)op->flags) < 0)
		return fail(s, STEP_UNSHARE_UNSHARE, NULL);
	return 0;
}

/* What only the supervisor may keep is closed in the child before anything else happens there. */
static void become_child(struct start *s)
{
	s->is_child = true;
	s->failure = &s->progress->failure;
	for (size_t i = 0; i < sizeof s->supervisor_fds / sizeof *s->supervisor_fds; i++)
		close_quietly(s->supervisor_fds[i]);
	close_quietly(s->peer);
	s->peer = s->child_peer;
	s->child_peer = -1;
	if (s->dies_with_supervisor)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	prctl(PR_SET_NAME, "tf-child");
}

int perform_clone(struct start *s, const struct op_clone *op)
{
	int pidfd = -1;
	struct clone_args args = {
		.flags = op->flags | CLONE_PIDFD | CLONE_PARENT_SETTID,
		.pidfd = (uint64_t)(uintptr_t)&pidfd,
		.parent_tid = (uint64_t)(uintptr_t)&s->progress->pid,
		.exit_signal = SIGCHLD,
	};
	if (op->cgroup != SLOT_NONE) {
		args.flags |= CLONE_INTO_CGROUP;
		args.cgroup = (uint64_t)slot_fd(s, op->cgroup);
	}
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid < 0)
		return fail(s, STEP_CLONE_CLONE3, NULL);
	if (pid == 0) {
		become_child(s);
		return 0;
	}
	s->clone_ns = clock_ns(CLOCK_MONOTONIC) - s->begun_ns;
	s->child = (pid_t)pid;
	s->child_pidfd = pidfd;
	s->clone_flags = op->flags;
	close_quietly(take_fd(&s->child_peer));
	return 0;
}

static int write_child_file(struct start *s, uint32_t step, const char *name, const char *text)
{
	char path[64];
	char pid[DECIMAL_BYTES];
	write_decimal(pid, (uint64_t)s->child);
	join_text(path, sizeof path, "/proc/", pid, name);
	OWNED_FD fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		return fail(s, step, path);
	return 0;
}

int perform_id_map(struct start *s, const struct op_id_map *op)
{
	if (op->deny_setgroups && write_child_file(s, STEP_ID_MAP_SETGROUPS, "/setgroups", "deny") < 0)
		return -1;
	if (write_child_file(s, STEP_ID_MAP_UID_MAP, "/uid_map", plan_string(&s->plan, op->uid_map)) < 0)
		return -1;
	return write_child_file(s, STEP_ID_MAP_GID_MAP, "/gid_map", plan_string(&s->plan, op->gid_map));
}

int perform_set_hostname(struct start *s, const struct op_set_hostname *op)
{
	const char *name = plan_string(&s->plan, op->name);
	if (sethostname(name, strlen(name)) < 0)
		return fail(s, STEP_SET_HOSTNAME_SETHOSTNAME, name);
	return 0;
}

int perform_set_domainname(struct start *s, const struct op_set_domainname *op)
{
	const char *name = plan_string(&s->plan, op->name);
	if (setdomainname(name, strlen(name)) < 0)
		return fail(s, STEP_SET_DOMAINNAME_SETDOMAINNAME, name);
	return 0;
}
