#include "log.h"

#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "kernel.h"
#include "text.h"

#define LOG_NAME "log"
#define LOG_MODE 0640
#define CONTENT_LIMIT ((size_t)16 * 1024)
/* 2016-10-06T00:17:09.669794202Z, a space, stdout, a space, F, a space; and the newline. */
#define TIME_BYTES 30
#define PREFIX_BYTES (TIME_BYTES + 1 + 6 + 1 + 1 + 1)
#define BATCH_BYTES (PREFIX_BYTES + CONTENT_LIMIT + 1)

/* Records on their way to the file; they leave in one write. */
struct batch {
	size_t used;
	char bytes[BATCH_BYTES];
};

static void log_name(char *name, size_t room, uint32_t index)
{
	char number[DECIMAL_BYTES];
	write_decimal(number, index);
	join_text(name, room, LOG_NAME, index ? "." : "", index ? number : "");
}

/* A supervisor that was killed in the middle of a write may have left a torn record at the end: cut it off. */
static void cut_torn_record(struct log *log)
{
	char tail[PREFIX_BYTES + CONTENT_LIMIT];
	size_t want = log->file_bytes < sizeof tail ? (size_t)log->file_bytes : sizeof tail;
	ssize_t bytes = pread(log->file, tail, want, (off_t)(log->file_bytes - want));
	if (bytes <= 0 || tail[bytes - 1] == '\n')
		return;
	const char *newline = memrchr(tail, '\n', (size_t)bytes);
	uint64_t whole = newline ? log->file_bytes - (uint64_t)(tail + bytes - (newline + 1)) : log->file_bytes - want;
	if (ftruncate(log->file, (off_t)whole) == 0)
		log->file_bytes = whole;
}

static bool open_file(struct log *log)
{
	int flags = O_RDWR | O_CREAT | O_APPEND | O_NOFOLLOW | O_CLOEXEC;
	struct stat found;
	log->file = openat(log->directory, LOG_NAME, flags, LOG_MODE);
	if (log->file < 0)
		return false;
	log->file_bytes = fstat(log->file, &found) == 0 ? (uint64_t)found.st_size : 0;
	if (log->file_bytes > 0)
		cut_torn_record(log);
	return true;
}

void log_measure(struct log *log)
{
	struct stat found;
	if (log->directory >= 0 && log->file < 0)
		log->file_bytes =
			fstatat(log->directory, LOG_NAME, &found, AT_SYMLINK_NOFOLLOW) == 0 ? (uint64_t)found.st_size : 0;
}

/* log becomes log.1, log.1 becomes log.2 ...; the last one goes. A follower keeps the file that it has open. */
static void rotate(struct log *log)
{
	char from[32];
	char to[32];
	for (uint32_t i = log->files > 1 ? log->files - 1 : 0; i > 0; i--) {
		log_name(from, sizeof from, i - 1);
		log_name(to, sizeof to, i);
		renameat(log->directory, from, log->directory, to);
	}
	if (log->files <= 1)
		unlinkat(log->directory, LOG_NAME, 0);
	close_quietly(take_fd(&log->file));
	log->rotations++;
	open_file(log);
}

static void flush(struct log *log, struct batch *batch)
{
	size_t done = 0;
	while (log->file >= 0 && done < batch->used) {
		ssize_t bytes = write(log->file, batch->bytes + done, batch->used - done);
		if (bytes < 0 && errno == EINTR)
			continue;
		if (bytes <= 0)
			break;
		done += (size_t)bytes;
	}
	/* What did not fit on the disk goes as a whole, so that the next record starts on its own line. */
	if (done == batch->used)
		log->file_bytes += done;
	else if (log->file >= 0 && ftruncate(log->file, (off_t)log->file_bytes) < 0)
		log->file_bytes += done;
	batch->used = 0;
}

static void add_record(struct log *log, struct batch *batch, const char *prefix, const uint8_t *content,
		       size_t count, bool is_whole_line)
{
	size_t bytes = PREFIX_BYTES + count + 1;
	if (batch->used + bytes > sizeof batch->bytes)
		flush(log, batch);
	uint64_t file_bytes = log->file_bytes + batch->used;
	if (log->limit_bytes > 0 && file_bytes > 0 && file_bytes + bytes > log->limit_bytes) {
		flush(log, batch);
		rotate(log);
	}
	char *to = batch->bytes + batch->used;
	memcpy(to, prefix, PREFIX_BYTES);
	to[PREFIX_BYTES - 2] = is_whole_line ? 'F' : 'P';
	memcpy(to + PREFIX_BYTES, content, count);
	to[PREFIX_BYTES + count] = '\n';
	batch->used += bytes;
}

/* Days since 1970 as a date of the Gregorian calendar; libc's gmtime_r would load time zones. */
static void write_date(char *to, uint32_t days)
{
	/* Counted in 400-year eras of years that begin in March, so that the leap day comes last. */
	uint32_t since = days + 719468;
	uint32_t era = since / 146097;
	uint32_t day_of_era = since % 146097;
	uint32_t year_of_era = (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
	uint32_t day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
	uint32_t month_from_march = (5 * day_of_year + 2) / 153;
	uint32_t month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
	write_digits(to, era * 400 + year_of_era + (month <= 2), 4);
	write_digits(to + 5, month, 2);
	write_digits(to + 8, day_of_year - (153 * month_from_march + 2) / 5 + 1, 2);
}

/* `TIME STREAM _ ` for records of this moment. */
static void write_prefix(char *to, enum log_stream stream)
{
	struct timespec now;
	clock_gettime(CLOCK_REALTIME, &now);
	uint32_t second = (uint32_t)(now.tv_sec % 86400);
	memcpy(to, "0000-00-00T00:00:00.000000000Z stdout _ ", PREFIX_BYTES);
	if (stream == LOG_STDERR)
		memcpy(to + TIME_BYTES + 1, "stderr", 6);
	write_date(to, (uint32_t)(now.tv_sec / 86400));
	write_digits(to + 11, second / 3600, 2);
	write_digits(to + 14, second / 60 % 60, 2);
	write_digits(to + 17, second % 60, 2);
	write_digits(to + 20, (uint32_t)now.tv_nsec, 9);
}

void log_append(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t count)
{
	struct batch batch;
	char prefix[PREFIX_BYTES + 1];
	batch.used = 0;
	if (log->directory < 0 || count == 0 || (log->file < 0 && !open_file(log)))
		return;
	write_prefix(prefix, stream);
	while (count > 0) {
		const uint8_t *newline = memchr(bytes, '\n', count < CONTENT_LIMIT + 1 ? count : CONTENT_LIMIT + 1);
		size_t content = newline ? (size_t)(newline - bytes) : count < CONTENT_LIMIT ? count : CONTENT_LIMIT;
		size_t taken = newline ? content + 1 : content;
		add_record(log, &batch, prefix, bytes, content, newline != NULL);
		bytes += taken;
		count -= taken;
	}
	flush(log, &batch);
}
