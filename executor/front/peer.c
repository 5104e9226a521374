/*
 * Another process of uid 0 need not have this one's rights: it may be confined, and may have put its own socket in the place
 * of the helper's. A process with fewer capabilities can neither become one with all of ours nor trace one, so our own
 * program with our own rights is what the helper says it is. The helper compares the same of us.
 */
#include "peer.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/uio.h>

#include "../generated/front.h"
#include "../kernel.h"
#include "../text.h"

#ifndef SO_PEERPIDFD
#define SO_PEERPIDFD 77
#endif
/* Whole, on every kernel: the fields that are compared stand in the first 3 KB. */
#define STATUS_BYTES 8192
#define LABEL_BYTES 4096
#define PATH_BYTES 48
#define LINK_BYTES 64

struct credentials {
	pid_t pid;
	uid_t uid;
	gid_t gid;
};

static const char *const namespaces[] = {LIKENESS_NAMESPACES};
static const char *const fields[] = {LIKENESS_RIGHTS};

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_dev == b->st_dev && a->st_ino == b->st_ino;
}

static bool have_same_root(int own, int other)
{
	struct stat a;
	struct stat b;
	return fstatat(own, "root", &a, 0) == 0 && fstatat(other, "root", &b, 0) == 0 && is_same_file(&a, &b);
}

/*
 * Absent for both (no time namespaces, say) is the same. The link of a namespace is a text with its number, which no two have
 * that are there. It is read and not followed: for that the kernel makes a file of the namespace each time. A text that does not end
 * within the room is like no other.
 */
static bool are_same_namespaces(int own, int other, const char *name)
{
	char a[LINK_BYTES];
	char b[LINK_BYTES];
	ssize_t own_length = readlinkat(own, name, a, sizeof a);
	ssize_t other_length = readlinkat(other, name, b, sizeof b);
	if (own_length < 0 || other_length < 0)
		return own_length < 0 && other_length < 0 && errno == ENOENT;
	return own_length == other_length && own_length < LINK_BYTES && memcmp(a, b, (size_t)own_length) == 0;
}

static ssize_t read_file(int directory, const char *name, char *to, size_t room)
{
	size_t length = 0;
	OWNED_FD fd = openat(directory, name, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -1;
	for (;;) {
		ssize_t bytes = read(fd, to + length, room - 1 - length);
		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes < 0)
			return -1;
		length += (size_t)bytes;
		if (bytes == 0 || length == room - 1)
			break;
	}
	to[length] = 0;
	return (ssize_t)length;
}

/* The line of `field`, with its newline; NULL without. */
static const char *find_line(const char *text, const char *field, size_t *length)
{
	for (const char *line = text; *line;) {
		const char *end = line;
		while (*end && *end != '\n')
			end++;
		*length = (size_t)(end - line);
		if (strncmp(line, field, strlen(field)) == 0)
			return line;
		line = *end ? end + 1 : end;
	}
	return NULL;
}

static bool have_same_rights(int own, int other)
{
	static char texts[2][STATUS_BYTES];
	if (read_file(own, "status", texts[0], STATUS_BYTES) < 0 || read_file(other, "status", texts[1], STATUS_BYTES) < 0)
		return false;
	for (size_t i = 0; i < sizeof fields / sizeof *fields; i++) {
		size_t lengths[2];
		const char *a = find_line(texts[0], fields[i], &lengths[0]);
		const char *b = find_line(texts[1], fields[i], &lengths[1]);
		/* A kernel without the feature has no such line. */
		if (!a && !b)
			continue;
		if (!a || !b || lengths[0] != lengths[1] || memcmp(a, b, lengths[0]) != 0)
			return false;
	}
	return true;
}

/* Without a security module there is nothing to read, for both. */
static bool have_same_label(int own, int other)
{
	static char labels[2][LABEL_BYTES];
	ssize_t a = read_file(own, "attr/current", labels[0], LABEL_BYTES);
	ssize_t b = read_file(other, "attr/current", labels[1], LABEL_BYTES);
	return a == b && (a < 0 || memcmp(labels[0], labels[1], (size_t)a) == 0);
}

static bool is_alike(int file, int other)
{
	struct stat program;
	struct stat its;
	OWNED_FD own = open("/proc/self", O_PATH | O_DIRECTORY | O_CLOEXEC);
	bool alike = own >= 0 && fstat(file, &program) == 0 && fstatat(other, "exe", &its, 0) == 0 &&
		     is_same_file(&program, &its) && have_same_root(own, other) && have_same_rights(own, other) &&
		     have_same_label(own, other);
	for (size_t i = 0; alike && i < sizeof namespaces / sizeof *namespaces; i++)
		alike = are_same_namespaces(own, other, namespaces[i]);
	return alike;
}

bool peer_is_own(int socket, int file, struct helper_peer *peer)
{
	struct credentials listener;
	char path[PATH_BYTES];
	char number[DECIMAL_BYTES];
	int pidfd = -1;
	const int on = 1;
	socklen_t bytes = sizeof listener;
	if (getsockopt(socket, SOL_SOCKET, SO_PEERCRED, &listener, &bytes) < 0 || listener.uid != geteuid() || listener.pid <= 0)
		return false;
	bytes = sizeof pidfd;
	peer->must_prove = getsockopt(socket, SOL_SOCKET, SO_PEERPIDFD, &pidfd, &bytes) < 0;
	/* Older than Linux 6.5, which is the only failure that is no end of the process. */
	if (peer->must_prove && (errno != ENOPROTOOPT || setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &on, sizeof on) < 0))
		return false;
	OWNED_FD held = pidfd;
	write_decimal(number, (uint64_t)listener.pid);
	join_text(path, sizeof path, "/proc/", number, "");
	peer->pid = listener.pid;
	peer->directory = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (peer->directory < 0)
		return false;
	/* If it runs after its directory was opened, the directory is its own. */
	struct pollfd ended = {.fd = held, .events = POLLIN};
	if (is_alike(file, peer->directory) && (peer->must_prove || poll(&ended, 1, 0) == 0))
		return true;
	close_quietly(take_fd(&peer->directory));
	return false;
}

bool peer_is_silent(int socket, const struct helper_peer *peer)
{
	struct pollfd spoken = {.fd = socket, .events = POLLIN};
	return !peer->must_prove || poll(&spoken, 1, 0) == 0;
}

bool peer_speaks(int socket, const struct helper_peer *peer)
{
	struct credentials sender = {0};
	struct stat unused;
	char byte;
	struct iovec part = {&byte, 1};
	/* Room for the sender alone: descriptors stay where they are. */
	union {
		char bytes[CMSG_SPACE(sizeof sender)];
		struct cmsghdr align;
	} control = {{0}};
	struct msghdr message = {
		.msg_iov = &part, .msg_iovlen = 1, .msg_control = control.bytes, .msg_controllen = sizeof control.bytes};
	const int off = 0;
	ssize_t got;
	if (!peer->must_prove)
		return true;
	do
		got = recvmsg(socket, &message, MSG_PEEK | MSG_CMSG_CLOEXEC);
	while (got < 0 && errno == EINTR);
	struct cmsghdr *c = got > 0 ? CMSG_FIRSTHDR(&message) : NULL;
	if (!c || c->cmsg_level != SOL_SOCKET || c->cmsg_type != SCM_CREDENTIALS || c->cmsg_len != CMSG_LEN(sizeof sender))
		return false;
	memcpy(&sender, CMSG_DATA(c), sizeof sender);
	return sender.pid == peer->pid && fstatat(peer->directory, "exe", &unused, 0) == 0 &&
	       setsockopt(socket, SOL_SOCKET, SO_PASSCRED, &off, sizeof off) == 0;
}
