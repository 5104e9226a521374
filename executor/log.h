/*
 * The log files of a container in CRI format: `TIME STREAM F|P CONTENT`, one record a line. P marks a record
 * whose line goes on in the next one of its stream. A file only ever holds whole records.
 */
#ifndef TIFFIN_LOG_H
#define TIFFIN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log {
	/* -1: no logs are wanted. */
	int directory;
	/* -1 until the first output. */
	int file;
	uint64_t limit_bytes;
	uint32_t files;
	uint64_t file_bytes;
	/* How often this supervisor has begun a new file. */
	uint64_t rotations;
};

enum log_stream { LOG_STDOUT, LOG_STDERR };

/* Writes what was read from a stream just now. A full disk loses whole records and nothing else. */
void log_append(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t count);

/* Makes `file_bytes` true before anything was written; creates nothing. */
void log_measure(struct log *log);

#endif
