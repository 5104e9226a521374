/*
 * The log of a container: what it wrote, piece by piece as it was read, in files that are never renamed. The record and
 * the files' names are described in src/abi/schema.ts (logRecord). A file holds whole records only, except where its
 * writer was killed in the middle of one; the next start cuts that off.
 */
#ifndef TIFFIN_LOG_H
#define TIFFIN_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct log {
	/* -1: no logs are wanted. */
	int directory;
	/* -1 until the first output of this start, and while the disk has no room for a file. */
	int file;
	/* Of output in one file; 0: no limit. */
	uint64_t limit_bytes;
	uint32_t files;
	bool is_measured;
	/* A record of this start has been written. */
	bool has_begun;
	/* How much output there was before the file, how large the file is, and how much output there has been in all. */
	uint64_t file_start;
	uint64_t file_bytes;
	uint64_t end;
	/* By stream: the last line has no newline yet. */
	bool line_is_open[2];
};

enum log_stream { LOG_STDOUT, LOG_STDERR };

/* Writes what was read from a stream just now. What a full disk does not take is counted all the same. */
void log_append(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t count);

/* Makes `end` true before anything was written; creates nothing. */
void log_measure(struct log *log);

#endif
