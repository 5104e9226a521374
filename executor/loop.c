/*
 * The supervisor's loop. What is waited for is computed anew from the state in every round, so there is no
 * registration that could be forgotten; a container has few descriptors.
 */
#include <poll.h>
#include <unistd.h>

#include "kernel.h"
#include "supervisor.h"

#define OUTPUT_CHUNK ((size_t)32 * 1024)
#define NS_PER_MS 1000000u

enum fixed_entry { ENTRY_PROCESS, ENTRY_LISTENER, ENTRY_INPUT, ENTRY_OUTPUT, ENTRY_CONNECTION = ENTRY_OUTPUT + 2 };

bool has_output(const struct supervisor *v)
{
	return v->outputs[0].fd >= 0 || v->outputs[1].fd >= 0;
}

static void close_output(struct supervisor *v, struct output *output)
{
	/* The master of a pty is the way in as well. */
	if (v->input.is_terminal) {
		input_close(&v->input);
		v->input.fd = -1;
	}
	close_quietly(take_fd(&output->fd));
}

/* From now on the output is read to its end whoever is behind with it. */
static bool is_late(const struct supervisor *v)
{
	return v->phase == PHASE_EXITED && clock_ns(CLOCK_MONOTONIC) >= v->deadline_ns;
}

/* After the end of the main process a stream is over when it is empty, unless its end is sure to come. */
static bool ends_when_empty(const struct supervisor *v)
{
	return v->phase == PHASE_EXITED && (v->input.is_terminal || !v->own_pid_namespace || is_late(v));
}

/* While a client is behind, the process has to wait for it. */
static bool is_held_back(const struct supervisor *v)
{
	return clients_are_full(v) && !is_late(v);
}

static void read_output(struct supervisor *v, struct output *output)
{
	uint8_t bytes[OUTPUT_CHUNK];
	ssize_t count = read(output->fd, bytes, sizeof bytes);
	if (count > 0) {
		log_append(&v->log, output->stream, bytes, (size_t)count);
		clients_send(v, output, bytes, (size_t)count);
	} else if (count == 0 || (errno != EAGAIN && errno != EINTR)) {
		close_output(v, output);
	} else if (errno == EAGAIN && ends_when_empty(v)) {
		close_output(v, output);
	}
}

static short connection_events(const struct supervisor *v, const struct connection *connection)
{
	if (connection->kind == CONNECTION_CONTROL)
		return POLLIN;
	short events = 0;
	if (!connection->input_ended && (!(connection->flags & ATTACH_STDIN) || input_accepts(&v->input)))
		events |= POLLIN;
	if (queue_length(&connection->output) > 0)
		events |= POLLOUT;
	return events;
}

/* Without events a hang-up that was seen already would be reported again and again. */
static bool is_waited_for(const struct connection *connection, short events)
{
	return connection->kind != CONNECTION_FREE && (events != 0 || !connection->output_ended);
}

/* Fills the table and returns its length. */
static nfds_t wait_table(const struct supervisor *v, struct pollfd *table)
{
	bool blocked = is_held_back(v);
	bool input_waits = v->input.fd >= 0 && queue_length(&v->input.pending) > 0;
	nfds_t length = ENTRY_CONNECTION;
	table[ENTRY_PROCESS] = (struct pollfd){.fd = v->pidfd, .events = POLLIN};
	table[ENTRY_LISTENER] = (struct pollfd){.fd = v->listener, .events = POLLIN};
	table[ENTRY_INPUT] = (struct pollfd){.fd = input_waits ? v->input.fd : -1, .events = POLLOUT};
	for (int i = 0; i < 2; i++)
		table[ENTRY_OUTPUT + i] = (struct pollfd){.fd = blocked ? -1 : v->outputs[i].fd, .events = POLLIN};
	for (size_t i = 0; i < CONNECTIONS; i++) {
		const struct connection *connection = &v->connections[i];
		short events = connection_events(v, connection);
		bool waits = is_waited_for(connection, events);
		table[ENTRY_CONNECTION + i] = (struct pollfd){.fd = waits ? connection->fd : -1, .events = events};
		if (waits)
			length = ENTRY_CONNECTION + i + 1;
	}
	return length;
}

/* Milliseconds until something must happen by itself; -1: never. */
static int wait_limit(const struct supervisor *v)
{
	if (v->phase != PHASE_EXITED || !has_output(v))
		return -1;
	if (ends_when_empty(v) && !is_held_back(v))
		return 0;
	uint64_t now = clock_ns(CLOCK_MONOTONIC);
	return now >= v->deadline_ns ? 0 : (int)((v->deadline_ns - now) / NS_PER_MS) + 1;
}

static void serve_connection(struct supervisor *v, struct connection *connection, short events)
{
	if (connection->kind == CONNECTION_CONTROL) {
		controller_read(v, connection);
		return;
	}
	if (events & POLLOUT)
		client_flush(connection);
	if (connection->kind == CONNECTION_ATTACH && events & POLLIN)
		client_read(v, connection);
	if (connection->kind == CONNECTION_ATTACH && events & (POLLHUP | POLLERR))
		client_hang_up(v, connection);
}

static void serve(struct supervisor *v, const struct pollfd *table, nfds_t length)
{
	if (table[ENTRY_PROCESS].revents && v->phase == PHASE_RUNNING)
		note_end(v);
	if (table[ENTRY_INPUT].revents)
		input_flush(&v->input);
	for (int i = 0; i < 2; i++)
		if (v->outputs[i].fd >= 0 && table[ENTRY_OUTPUT + i].fd >= 0 &&
		    (table[ENTRY_OUTPUT + i].revents || ends_when_empty(v)))
			read_output(v, &v->outputs[i]);
	for (nfds_t i = ENTRY_CONNECTION; i < length; i++)
		if (table[i].fd >= 0 && table[i].revents)
			serve_connection(v, &v->connections[i - ENTRY_CONNECTION], table[i].revents);
	if (table[ENTRY_LISTENER].revents)
		listener_accept(v);
}

void run_loop(struct supervisor *v)
{
	struct pollfd table[ENTRY_CONNECTION + CONNECTIONS];
	bool reported = false;
	for (;;) {
		if (v->phase == PHASE_EXITED && !has_output(v) && !reported) {
			report_end(v);
			reported = true;
		}
		if (!has_output(v))
			clients_end(v);
		/* Who is behind gets the rest, however long that takes: it may be a pager, in which somebody reads. */
		if (reported && !clients_have_pending(v))
			return;
		nfds_t length = wait_table(v, table);
		int ready = poll(table, length, wait_limit(v));
		if (ready >= 0)
			serve(v, table, length);
	}
}
