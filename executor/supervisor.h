/*
 * The life of a container after its start: its streams, its clients, its end. One process, one loop (loop.c); the
 * other files each own one part of this state.
 */
#ifndef TIFFIN_SUPERVISOR_H
#define TIFFIN_SUPERVISOR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "control.h"
#include "log.h"
#include "phase.h"
#include "start.h"

#define CONTROL_CONNECTIONS 32
#define CONNECTIONS (LIMIT_ATTACH_CLIENTS + CONTROL_CONNECTIONS)

/* A stream out of the container. */
struct output {
	/* -1: ended. */
	int fd;
	enum log_stream stream;
	/* The bit of a client that wants it. */
	uint32_t wanted_by;
};

struct input {
	/* Into the container's stdin; -1: closed or absent. The master of a pty is owned by the output. */
	int fd;
	bool is_terminal;
	/* Close after what is pending. */
	bool closing;
	bool once;
	struct queue pending;
};

struct supervisor {
	/* The first one is the controller that gave START. */
	struct connection connections[CONNECTIONS];
	int listener;
	/* Directory of the listener's name, for unlinking it. */
	int directory;
	const char *listener_name;
	enum abi_phase phase;
	pid_t pid;
	int pidfd;
	bool own_pid_namespace;
	struct output outputs[2];
	struct input input;
	/* Held open so that a container that closes its terminal for a moment does not end it. */
	int terminal_slave;
	struct log log;
	int record;
	int oom_file;
	int wait_status;
	bool oom_killed;
	uint64_t started_at_ns;
	uint64_t finished_at_ns;
	/* CLOCK_MONOTONIC; after the main process ended, who does not read by then is let go. */
	uint64_t deadline_ns;
};

/*
 * prepare.c: puts everything in order that a container must not inherit from us. Returns the signals (bit n - 1 for
 * signal n) that this process was started to ignore or has blocked.
 */
uint64_t prepare_process(int controller);

/* run-plan.c: zeroed pages that cost nothing until they are written, NULL without memory. */
void *map_state(size_t bytes);

/*
 * run-plan.c: performs the plan in fds[0], whose slots are the other `count` - 1, and tells the controller how it went.
 * NULL: it failed, and nothing is left. Else the program runs, or waits for its start.
 */
struct start *run_plan(struct supervisor *v, int *fds, int count);

/* supervise.c: takes what the start left for it, reports STARTED, runs the loop to the end. */
void supervise(struct supervisor *v, struct start *s);

/* loop.c: until everything has been delivered after the end of the main process. */
void run_loop(struct supervisor *v);

/* Whether any stream of the container may still bring bytes. */
bool has_output(const struct supervisor *v);

/* ending.c: the main process ended; reaps it. */
void note_end(struct supervisor *v);

/* ending.c: all output is in; writes the record and tells every controller. */
void report_end(struct supervisor *v);

/* record.c */
void record_write(const struct supervisor *v, enum abi_record_state state);

/* listener.c: 0, or -1 and errno. */
int listener_open(struct supervisor *v, const char *name);
void listener_accept(struct supervisor *v);
void listener_close(struct supervisor *v);

/* The number of the first free connection, NULL when there is none left. */
struct connection *connection_free_slot(struct supervisor *v, enum connection_kind kind, int fd);

/* input.c */
bool input_accepts(const struct input *input);
void input_write(struct input *input, const uint8_t *bytes, size_t count);
void input_flush(struct input *input);
void input_close(struct input *input);

/* clients.c: one attach connection, and all of them. */
void client_begin(struct supervisor *v, struct connection *client, uint32_t flags);
void client_read(struct supervisor *v, struct connection *client);
void client_hang_up(struct supervisor *v, struct connection *client);
void client_flush(struct connection *client);
void clients_send(struct supervisor *v, const struct output *from, const uint8_t *bytes, size_t count);
/* A client that is this far behind stops the reading of the container's output. */
bool clients_are_full(const struct supervisor *v);
/* After all output: half-closes those that have everything. */
void clients_end(struct supervisor *v);
size_t clients_count(const struct supervisor *v);
bool clients_have_pending(const struct supervisor *v);

/* requests.c: messages of a controller. */
void controller_read(struct supervisor *v, struct connection *controller);

#endif
