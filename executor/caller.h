/*
 * The executor in place of the program that somebody called (`--caller`): the process it starts is the caller's own
 * child, and what the helper decides is said and done with the caller's descriptors.
 */
#ifndef TIFFIN_CALLER_H
#define TIFFIN_CALLER_H

#include <stdbool.h>
#include <stdint.h>

#include "control.h"
#include "start.h"
#include "supervisor.h"

/* Option that the front gives the executor, before the numbers of two descriptors and the caller's own words. */
#define CALLER_OPTION "--caller"
/*
 * argv: this program, the option, the number of the connection, that of the called program's file, 1 when signals are
 * the program's, and the caller's own words.
 */
#define CALLER_CONNECTION 2
#define CALLER_FILE 3
#define CALLER_SIGNALS 4
#define CALLER_FIRST_WORD 5

/* Writes what follows the message `output` to the descriptor it names. False: the connection is over. */
bool caller_output(struct connection *helper, const struct message_output *body);

/* Serves the helper until the command is over; returns the exit status. `argv` as `--caller` wants it. */
int caller_serve(struct supervisor *v, char **argv);

/* caller-wait.c: passes `signals` on to the program until it ends, and fills `ended`. */
void caller_await(struct connection *helper, const struct start *s, uint64_t signals, struct message_exited *ended);

#endif
