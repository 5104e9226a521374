/*
 * System calls that libc does not wrap everywhere, and the owner-closes rule for descriptors. Results are libc
 * style: -1 and errno.
 */
#ifndef TIFFIN_KERNEL_H
#define TIFFIN_KERNEL_H

#include <errno.h>
#include <fcntl.h>
#include <linux/mount.h>
#include <linux/openat2.h>
#include <linux/sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/syscall.h>
#include <sys/types.h>
#include <time.h>
#include <unistd.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif
#ifndef AT_RECURSIVE
#define AT_RECURSIVE 0x8000
#endif
#define UMOUNT_DETACH 2
#define UMOUNT_NOFOLLOW_LINK 8u
#define UMOUNT_FLAGS 0xfu

/*
 * openat2, asked again while the kernel cannot rule out that a rename or mount elsewhere on the machine raced with a
 * ".." of the path (EAGAIN, man 2 openat2). Bounded: an image that renames without end fails the start instead.
 */
#define OPENAT2_ATTEMPTS 1000

static inline int sys_openat2(int dir, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve)
{
	struct open_how how = {.flags = flags, .mode = mode, .resolve = resolve};
	int fd = -1;
	for (int attempt = 0; attempt < OPENAT2_ATTEMPTS; attempt++) {
		fd = (int)syscall(SYS_openat2, dir, path, &how, sizeof how);
		if (fd >= 0 || errno != EAGAIN)
			break;
	}
	return fd;
}

static inline int sys_fsopen(const char *type, unsigned flags)
{
	return (int)syscall(SYS_fsopen, type, flags);
}

static inline int sys_fspick(int mount, unsigned flags)
{
	return (int)syscall(SYS_fspick, mount, "", flags | FSPICK_EMPTY_PATH);
}

static inline int sys_fsconfig(int context, unsigned command, const char *key, const char *value)
{
	return (int)syscall(SYS_fsconfig, context, command, key, value, 0);
}

static inline int sys_fsmount(int context, unsigned flags, unsigned attributes)
{
	return (int)syscall(SYS_fsmount, context, flags, attributes);
}

static inline int sys_open_tree(int dir, const char *path, unsigned flags)
{
	return (int)syscall(SYS_open_tree, dir, path, flags);
}

/* Attaches the mount in `mount` on top of what `target` is open on. */
static inline int sys_move_mount(int mount, int target)
{
	return (int)syscall(SYS_move_mount, mount, "", target, "", MOVE_MOUNT_F_EMPTY_PATH | MOVE_MOUNT_T_EMPTY_PATH);
}

static inline int sys_mount_setattr(int dir, const char *path, unsigned flags, struct mount_attr *attributes)
{
	return (int)syscall(SYS_mount_setattr, dir, path, flags, attributes, sizeof *attributes);
}

static inline int sys_pivot_root(const char *new_root, const char *put_old)
{
	return (int)syscall(SYS_pivot_root, new_root, put_old);
}

static inline int sys_umount2(const char *path, int flags)
{
	return (int)syscall(SYS_umount2, path, flags);
}

static inline int sys_pidfd_send_signal(int pidfd, int number)
{
	return (int)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
}

static inline int sys_close_range(unsigned first, unsigned last, unsigned flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

/*
 * A counter that every process reads alike and without a system call: a seccomp filter cannot forbid it, a time namespace does
 * not shift it. How long a tick is follows from a measurement beside the clock.
 */
static inline uint64_t ticks_now(void)
{
#if defined(__x86_64__)
	uint32_t low, high;
	__asm__ volatile("rdtsc" : "=a"(low), "=d"(high));
	return (uint64_t)high << 32 | low;
#else
	uint64_t ticks;
	__asm__ volatile("mrs %0, cntvct_el0" : "=r"(ticks));
	return ticks;
#endif
}

static inline uint64_t clock_ns(clockid_t clock)
{
	struct timespec now;
	clock_gettime(clock, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* close(2) that leaves errno as it was: for cleanup on the way out of a failure. */
static inline void close_quietly(int fd)
{
	int saved = errno;
	if (fd >= 0)
		close(fd);
	errno = saved;
}

static inline void close_owned(int *fd)
{
	close_quietly(*fd);
}

/* A local descriptor that is closed when it goes out of scope, unless it was taken. */
#define OWNED_FD __attribute__((cleanup(close_owned))) int

static inline int take_fd(int *fd)
{
	int taken = *fd;
	*fd = -1;
	return taken;
}

#endif
