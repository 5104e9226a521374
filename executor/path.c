#include "path.h"

#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#include "kernel.h"
#include "slots.h"

#define SYMLINK_LIMIT 40
#define PARENT_MODE 0755

/*
 * The directory to resolve from. For SLOT_NONE a fresh handle on "/", because RESOLVE_IN_ROOT with AT_FDCWD would
 * take the working directory for the root; the caller closes it.
 */
static int base_of(const struct start *s, uint32_t root, int *opened)
{
	*opened = -1;
	if (root != SLOT_NONE)
		return slot_fd(s, root);
	*opened = open("/", O_PATH | O_DIRECTORY | O_CLOEXEC);
	return *opened;
}

int open_in_root(const struct start *s, uint32_t root, const char *path, uint64_t flags, uint64_t mode,
		 uint64_t more_resolve)
{
	OWNED_FD opened;
	int base = base_of(s, root, &opened);
	return sys_openat2(base, path, flags | O_CLOEXEC, mode, RESOLVE_INSIDE | more_resolve);
}

static int open_beneath(int base, const char *path)
{
	return sys_openat2(base, *path ? path : ".", O_PATH | O_DIRECTORY | O_CLOEXEC, 0, RESOLVE_INSIDE);
}

int open_parent_in_root(const struct start *s, uint32_t root, const char *path, const char **last, int *opened)
{
	char parent[PATH_MAX];
	const char *slash = strrchr(path, '/');
	size_t bytes = slash ? (size_t)(slash - path) : 0;
	*last = slash ? slash + 1 : path;
	*opened = -1;
	if (bytes >= sizeof parent) {
		errno = ENAMETOOLONG;
		return -1;
	}
	if (**last == 0 || strcmp(*last, ".") == 0 || strcmp(*last, "..") == 0) {
		errno = EINVAL;
		return -1;
	}
	int root_opened;
	int base = base_of(s, root, &root_opened);
	if (bytes == 0) {
		*opened = root_opened;
		return base;
	}
	memcpy(parent, path, bytes);
	parent[bytes] = 0;
	if (base >= 0)
		*opened = open_beneath(base, parent);
	close_quietly(root_opened);
	return *opened;
}

/* A path being created; `done` bytes of it exist and lead to a directory. */
struct walk {
	int base;
	struct new_entry entry;
	int symlinks;
	char path[PATH_MAX];
	size_t done;
};

/*
 * The component after `done` is a symlink to something that is missing: puts its target in its place and starts
 * again. All of it is still resolved inside the root afterwards, whatever the link says.
 */
static int follow_dangling(struct walk *w, int parent, const char *name, const char *rest)
{
	char target[PATH_MAX];
	char joined[PATH_MAX];
	ssize_t length = readlinkat(parent, name, target, sizeof target - 1);
	if (length < 0)
		return -1;
	target[length] = 0;
	if (++w->symlinks > SYMLINK_LIMIT) {
		errno = ELOOP;
		return -1;
	}
	size_t before = *target == '/' ? 0 : w->done;
	size_t rest_bytes = strlen(rest);
	if (before + 1 + (size_t)length + rest_bytes >= sizeof joined) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(joined, w->path, before);
	joined[before] = '/';
	memcpy(joined + before + 1, target, (size_t)length);
	memcpy(joined + before + 1 + length, rest, rest_bytes + 1);
	strcpy(w->path, joined);
	w->done = 0;
	return 0;
}

static int make_entry(int parent, const char *name, struct new_entry entry)
{
	if (entry.is_directory)
		return mkdirat(parent, name, entry.mode);
	return mknodat(parent, name, S_IFREG | entry.mode, 0);
}

/*
 * Makes sure that the next component exists and moves `done` behind it. Returns 1 when it was the last one and is
 * new, else 0; -1 and errno.
 */
static int make_component(struct walk *w)
{
	char name[NAME_MAX + 1];
	const char *begin = w->path + w->done + strspn(w->path + w->done, "/");
	size_t bytes = strcspn(begin, "/");
	const char *rest = begin + bytes;
	bool is_last = rest[strspn(rest, "/")] == 0;
	if (bytes > NAME_MAX) {
		errno = ENAMETOOLONG;
		return -1;
	}
	memcpy(name, begin, bytes);
	name[bytes] = 0;
	char before[PATH_MAX];
	memcpy(before, w->path, w->done);
	before[w->done] = 0;
	OWNED_FD parent = open_beneath(w->base, before);
	if (parent < 0)
		return -1;
	struct new_entry entry = is_last ? w->entry : (struct new_entry){true, PARENT_MODE};
	bool made = make_entry(parent, name, entry) == 0;
	if (!made && errno != EEXIST)
		return -1;
	char whole[PATH_MAX];
	size_t whole_bytes = (size_t)(rest - w->path);
	memcpy(whole, w->path, whole_bytes);
	whole[whole_bytes] = 0;
	OWNED_FD found = sys_openat2(w->base, whole, O_PATH | O_CLOEXEC, 0, RESOLVE_INSIDE);
	if (found < 0)
		return errno == ENOENT ? follow_dangling(w, parent, name, rest) : -1;
	w->done = whole_bytes;
	return is_last && made;
}

/* The usual case: the parent is there and the entry is not. -1 when it is another one, whatever the reason. */
static int create_last(const struct start *s, uint32_t root, const char *path, struct new_entry entry)
{
	const char *last;
	OWNED_FD opened;
	int parent = open_parent_in_root(s, root, path, &last, &opened);
	if (parent < 0 || make_entry(parent, last, entry) < 0)
		return -1;
	return sys_openat2(parent, last, O_PATH | O_NOFOLLOW | O_CLOEXEC, 0, RESOLVE_BENEATH | RESOLVE_NO_SYMLINKS);
}

int create_in_root(const struct start *s, uint32_t root, const char *path, struct new_entry entry, bool *made)
{
	struct walk w;
	OWNED_FD opened = -1;
	int fresh = create_last(s, root, path, entry);
	*made = fresh >= 0;
	if (fresh >= 0)
		return fresh;
	w.base = base_of(s, root, &opened);
	if (w.base < 0)
		return -1;
	uint64_t flags = O_PATH | O_CLOEXEC | (entry.is_directory ? O_DIRECTORY : 0);
	int found = sys_openat2(w.base, *path ? path : ".", flags, 0, RESOLVE_INSIDE);
	if (found >= 0 || errno != ENOENT)
		return found;
	if (strlen(path) >= sizeof w.path) {
		errno = ENAMETOOLONG;
		return -1;
	}
	strcpy(w.path, path);
	w.entry = entry;
	w.symlinks = 0;
	w.done = 0;
	while (w.path[w.done + strspn(w.path + w.done, "/")] != 0) {
		int made_last = make_component(&w);
		if (made_last < 0)
			return -1;
		*made = made_last == 1;
	}
	return sys_openat2(w.base, w.path, flags, 0, RESOLVE_INSIDE);
}
