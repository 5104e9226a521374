#include "log.h"

#include <dirent.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>

#include "generated/abi.h"
#include "kernel.h"

#define PREFIX_LENGTH (sizeof LOG_NAME_PREFIX - 1)
#define NAME_ROOM (PREFIX_LENGTH + LOG_NAME_DIGITS + 1)
#define LOG_MODE 0640
#define LISTING_BYTES 2048
#define RECORD_OVERHEAD ((uint64_t)LOG_HEAD_BYTES + LOG_TAIL_BYTES)
/* A file may be this many times its limit of output, so that many small pieces do not fill a disk with their heads. */
#define DISK_FACTOR 2u

/* The ends of a record. */
struct record_head {
	uint32_t word;
	uint64_t time_ns;
} __attribute__((packed));

struct record_tail {
	uint64_t word;
} __attribute__((packed));

_Static_assert(sizeof(struct record_head) == LOG_HEAD_BYTES, "size of record_head");
_Static_assert(sizeof(struct record_tail) == LOG_TAIL_BYTES, "size of record_tail");

/* The files of the directory, by the numbers in their names. */
struct listing {
	uint32_t count;
	uint64_t oldest;
	uint64_t newest;
};

static void log_name(char *name, uint64_t start)
{
	memcpy(name, LOG_NAME_PREFIX, PREFIX_LENGTH);
	for (size_t i = LOG_NAME_DIGITS; i > 0; i--, start /= 10)
		name[PREFIX_LENGTH + i - 1] = (char)('0' + start % 10);
	name[NAME_ROOM - 1] = 0;
}

static bool is_log_name(const char *name, uint64_t *start)
{
	*start = 0;
	if (strlen(name) != NAME_ROOM - 1 || memcmp(name, LOG_NAME_PREFIX, PREFIX_LENGTH) != 0)
		return false;
	for (const char *at = name + PREFIX_LENGTH; *at; at++) {
		if (*at < '0' || *at > '9')
			return false;
		*start = *start * 10 + (uint64_t)(*at - '0');
	}
	return true;
}

static void note_file(struct listing *listing, uint64_t start)
{
	if (listing->count == 0 || start < listing->oldest)
		listing->oldest = start;
	if (listing->count == 0 || start > listing->newest)
		listing->newest = start;
	listing->count++;
}

static struct listing list_files(const struct log *log)
{
	struct listing listing = {0};
	_Alignas(8) char bytes[LISTING_BYTES];
	int directory = openat(log->directory, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	long count;
	while ((count = syscall(SYS_getdents64, directory, bytes, sizeof bytes)) > 0) {
		for (long at = 0; at < count;) {
			const struct dirent64 *entry = (const void *)(bytes + at);
			uint64_t start;
			if (is_log_name(entry->d_name, &start))
				note_file(&listing, start);
			at += entry->d_reclen;
		}
	}
	close_quietly(directory);
	return listing;
}

static uint32_t length_of(const struct record_head *head)
{
	return head->word >> 24 == LOG_MAGIC ? head->word & 0xffff : 0;
}

/* The record that ends at `at`; false when none does. */
static bool ends_record(const struct log *log, uint64_t at, uint64_t *end)
{
	struct record_head head;
	struct record_tail tail;
	if (at < RECORD_OVERHEAD || pread(log->file, &tail, sizeof tail, (off_t)(at - sizeof tail)) != sizeof tail)
		return false;
	uint64_t length = tail.word & 0xffff;
	if (length == 0 || length + RECORD_OVERHEAD > at)
		return false;
	off_t begin = (off_t)(at - length - RECORD_OVERHEAD);
	*end = tail.word >> 16;
	return pread(log->file, &head, sizeof head, begin) == sizeof head && length_of(&head) == length &&
	       *end >= log->file_start + length;
}

/* A supervisor that was killed in the middle of a write left a torn record: what is before it is kept. */
static void cut_torn_record(struct log *log)
{
	struct record_head head;
	uint64_t at = 0;
	while (pread(log->file, &head, sizeof head, (off_t)at) == sizeof head && length_of(&head) > 0) {
		uint64_t next = at + length_of(&head) + RECORD_OVERHEAD;
		uint64_t end;
		if (next > log->file_bytes || !ends_record(log, next, &end))
			break;
		log->end = end;
		at = next;
	}
	if (ftruncate(log->file, (off_t)at) == 0)
		log->file_bytes = at;
}

static bool open_file(struct log *log, uint64_t start, int flags)
{
	char name[NAME_ROOM];
	struct stat found;
	log_name(name, start);
	log->file = openat(log->directory, name, flags | O_RDWR | O_APPEND | O_NOFOLLOW | O_CLOEXEC, LOG_MODE);
	if (log->file < 0)
		return false;
	log->file_start = start;
	log->file_bytes = fstat(log->file, &found) == 0 ? (uint64_t)found.st_size : 0;
	return true;
}

void log_measure(struct log *log)
{
	if (log->directory < 0 || log->is_measured)
		return;
	log->is_measured = true;
	struct listing listing = list_files(log);
	if (listing.count == 0)
		return;
	log->end = listing.newest;
	if (open_file(log, listing.newest, 0) && log->file_bytes > 0 &&
	    !ends_record(log, log->file_bytes, &log->end)) {
		log->end = listing.newest;
		cut_torn_record(log);
	}
}

/* A new file for what comes next. The oldest ones go; a reader keeps the file that it has open. */
static void begin_file(struct log *log)
{
	close_quietly(take_fd(&log->file));
	if (!open_file(log, log->end, O_CREAT))
		return;
	for (struct listing listing = list_files(log); listing.count > log->files && log->files > 0;
	     listing = list_files(log)) {
		char name[NAME_ROOM];
		log_name(name, listing.oldest);
		if (listing.oldest >= log->file_start || unlinkat(log->directory, name, 0) < 0)
			return;
	}
}

/* A record that does not fit goes as a whole, so that the next one is found where this one would have been. */
static void take_back(struct log *log)
{
	if (ftruncate(log->file, (off_t)log->file_bytes) < 0)
		close_quietly(take_fd(&log->file));
}

static void write_record(struct log *log, enum log_stream stream, uint64_t time_ns, const uint8_t *bytes, size_t count)
{
	uint32_t flags = (stream == LOG_STDERR ? LOG_FLAG_STDERR : 0) |
			 (log->line_is_open[LOG_STDOUT] ? LOG_FLAG_STDOUT_OPEN : 0) |
			 (log->line_is_open[LOG_STDERR] ? LOG_FLAG_STDERR_OPEN : 0) |
			 (log->has_begun ? 0 : LOG_FLAG_FIRST);
	/* Lost or not, it was output: the next record's `end` tells a reader how much is missing. */
	log->end += count;
	log->line_is_open[stream] = bytes[count - 1] != '\n';
	struct record_head head = {(uint32_t)count | flags << 16 | LOG_MAGIC << 24, time_ns};
	struct record_tail tail = {log->end << 16 | count};
	struct iovec parts[] = {
		{&head, sizeof head},
		{(void *)(uintptr_t)bytes, count},
		{&tail, sizeof tail},
	};
	long written;
	if (log->file < 0)
		return;
	do
		written = syscall(SYS_writev, log->file, parts, 3);
	while (written < 0 && errno == EINTR);
	if (written == (long)(count + RECORD_OVERHEAD)) {
		log->file_bytes += (uint64_t)written;
		log->has_begun = true;
	} else if (written > 0) {
		take_back(log);
	}
}

/* How many of the bytes the file has room for; whole lines where there is a choice. 0: it is full. */
static size_t fitting(const struct log *log, const uint8_t *bytes, size_t count)
{
	uint64_t room = LOG_CONTENT_BYTES;
	if (log->limit_bytes > 0) {
		uint64_t content = log->end - log->file_start;
		uint64_t disk = log->limit_bytes * DISK_FACTOR;
		uint64_t used = log->file_bytes + RECORD_OVERHEAD;
		uint64_t of_limit = content < log->limit_bytes ? log->limit_bytes - content : 0;
		uint64_t of_disk = used < disk ? disk - used : 0;
		if (log->file_bytes == 0)
			of_limit = of_disk = log->limit_bytes;
		room = of_limit < of_disk ? of_limit : of_disk;
	}
	if (room > LOG_CONTENT_BYTES)
		room = LOG_CONTENT_BYTES;
	if (count <= room)
		return count;
	const uint8_t *newline = memrchr(bytes, '\n', (size_t)room);
	if (newline)
		return (size_t)(newline + 1 - bytes);
	return log->file_bytes == 0 ? (size_t)room : 0;
}

void log_append(struct log *log, enum log_stream stream, const uint8_t *bytes, size_t count)
{
	uint64_t time_ns = clock_ns(CLOCK_REALTIME);
	if (log->directory < 0 || count == 0)
		return;
	log_measure(log);
	while (count > 0) {
		if (log->file < 0)
			begin_file(log);
		size_t taken = log->file < 0 ? count : fitting(log, bytes, count);
		if (taken == 0) {
			begin_file(log);
			continue;
		}
		write_record(log, stream, time_ns, bytes, taken);
		bytes += taken;
		count -= taken;
	}
}
