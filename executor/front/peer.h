/* Who is at the other end of the connection to a helper. */
#ifndef TIFFIN_FRONT_PEER_H
#define TIFFIN_FRONT_PEER_H

#include <stdbool.h>
#include <sys/types.h>

/*
 * The process that listens. Held by its directory in /proc, which answers nothing once it has ended, whoever gets its number
 * then.
 */
struct helper_peer {
	pid_t pid;
	int directory;
	/* The kernel has no descriptor for the peer: whether it is this process that speaks shows when it does. */
	bool must_prove;
};

/*
 * Whether the process at the other end runs the program in `file` and has all the rights of this one, and in the same
 * namespaces: what it sends is executed with ours. False also for one that has ended. On true the directory is open.
 */
bool peer_is_own(int socket, int file, struct helper_peer *peer);

/* Before something is asked: nothing has been said yet that could have been said by an earlier process. */
bool peer_is_silent(int socket, const struct helper_peer *peer);

/* Whether that process sends what comes next, and still runs. Takes nothing out of the socket. */
bool peer_speaks(int socket, const struct helper_peer *peer);

#endif
