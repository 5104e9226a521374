/* The conversation of supervisor and child during a start. */
#ifndef TIFFIN_PEER_H
#define TIFFIN_PEER_H

#include "start.h"

/* Child: hands both ends of its pty to the supervisor. 0, or -1 and errno. */
int peer_send_terminal(const struct start *s, int master, int slave);

/*
 * Supervisor: waits until the child's end of the socket is closed, by exec or by its death. Meanwhile the
 * controller may ask for the state or give the start up.
 */
void peer_await_end(struct start *s);

/* The controller's connection for poll(2), -1 when it is gone; and what it says meanwhile. */
int peer_controller(const struct start *s);
void peer_hear_controller(struct start *s);

#endif
