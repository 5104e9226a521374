/* Who the process is: ids, capabilities, keyring, and the prctl options of the list. */
#include <grp.h>
#include <linux/capability.h>
#include <linux/keyctl.h>
#include <sys/prctl.h>

#include "kernel.h"
#include "ops.h"

#define CAPABILITY_BITS 64

int perform_set_groups(struct start *s, const struct op_set_groups *op)
{
	const void *groups = plan_blob(&s->plan, op->groups);
	if (syscall(SYS_setgroups, op->groups.count / 4, groups) < 0 && !(op->may_be_forbidden && errno == EPERM))
		return fail(s, STEP_SET_GROUPS_SETGROUPS, NULL);
	return 0;
}

int perform_set_ids(struct start *s, const struct op_set_ids *op)
{
	if (syscall(SYS_setresgid, op->gid, op->gid, op->gid) < 0)
		return fail(s, STEP_SET_IDS_SETRESGID, NULL);
	if (syscall(SYS_setresuid, op->uid, op->uid, op->uid) < 0)
		return fail(s, STEP_SET_IDS_SETRESUID, NULL);
	/* The kernel forgets the parent-death signal when ids change. */
	if (s->dies_with_supervisor)
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	return 0;
}

int perform_set_capabilities(struct start *s, const struct op_set_capabilities *op)
{
	struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
	struct __user_cap_data_struct data[_LINUX_CAPABILITY_U32S_3];
	for (unsigned i = 0; i < _LINUX_CAPABILITY_U32S_3; i++) {
		data[i].effective = (uint32_t)(op->effective >> (32 * i));
		data[i].permitted = (uint32_t)(op->permitted >> (32 * i));
		data[i].inheritable = (uint32_t)(op->inheritable >> (32 * i));
	}
	if (syscall(SYS_capset, &header, data) < 0)
		return fail(s, STEP_SET_CAPABILITIES_CAPSET, NULL);
	if (prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0) < 0)
		return fail(s, STEP_SET_CAPABILITIES_AMBIENT, NULL);
	for (unsigned bit = 0; bit < CAPABILITY_BITS; bit++)
		if (op->ambient >> bit & 1 && prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, bit, 0, 0) < 0)
			return fail(s, STEP_SET_CAPABILITIES_AMBIENT, NULL);
	return 0;
}

int perform_drop_bounding(struct start *s, const struct op_drop_bounding *op)
{
	for (unsigned bit = 0; bit < CAPABILITY_BITS; bit++) {
		if (op->keep >> bit & 1 || prctl(PR_CAPBSET_DROP, bit, 0, 0, 0) == 0)
			continue;
		/* The first bit that this kernel does not know: there are no more. */
		if (errno == EINVAL)
			return 0;
		return fail(s, STEP_DROP_BOUNDING_PRCTL, NULL);
	}
	return 0;
}

int perform_keyring(struct start *s, const struct op_keyring *op)
{
	const char *name = plan_string(&s->plan, op->name);
	if (syscall(SYS_keyctl, KEYCTL_JOIN_SESSION_KEYRING, name, 0, 0, 0) < 0)
		return fail(s, STEP_KEYRING_KEYCTL, name);
	return 0;
}

int perform_prctl(struct start *s, const struct op_prctl *op)
{
	if (prctl((int)op->option, (unsigned long)op->value, 0, 0, 0) < 0)
		return fail(s, STEP_PRCTL_PRCTL, NULL);
	return 0;
}
