/* Paths inside a root: every resolution happens in the kernel (openat2), so that no symlink of an image leads out. */
#ifndef TIFFIN_PATH_H
#define TIFFIN_PATH_H

#include <stdint.h>

#include "start.h"

#define RESOLVE_INSIDE (RESOLVE_IN_ROOT | RESOLVE_NO_MAGICLINKS)

/* Opens `path` below the directory in slot `root` (none: the root of this process) with O_CLOEXEC; -1 and errno. */
int open_in_root(const struct start *s, uint32_t root, const char *path, uint64_t flags, uint64_t mode,
		 uint64_t more_resolve);

/*
 * The directory that holds the last component of `path`; `last` points at that component. The caller closes
 * `opened`, which is -1 when the directory is the root itself. EINVAL when there is no last component, or when it
 * is ".." or ".".
 */
int open_parent_in_root(const struct start *s, uint32_t root, const char *path, const char **last, int *opened);

struct new_entry {
	bool is_directory;
	uint32_t mode;
};

/*
 * Makes `path` with its missing parents (directories, 0755). A dangling symlink on the way is followed inside the
 * root and its target is made. Returns an O_PATH descriptor of the entry itself; `made` tells whether it is new.
 */
int create_in_root(const struct start *s, uint32_t root, const char *path, struct new_entry entry, bool *made);

#endif
