#include "text.h"

#include <string.h>

size_t write_decimal(char *to, uint64_t value)
{
	char reversed[DECIMAL_BYTES];
	size_t length = 0;
	do {
		reversed[length++] = (char)('0' + value % 10);
		value /= 10;
	} while (value != 0);
	for (size_t i = 0; i < length; i++)
		to[i] = reversed[length - 1 - i];
	to[length] = 0;
	return length;
}

uint32_t read_decimal(const char *text, const char **end)
{
	uint32_t value = 0;
	*end = text;
	for (const char *at = text; *at >= '0' && *at <= '9'; at++) {
		uint32_t digit = (uint32_t)(*at - '0');
		if (value > (UINT32_MAX - digit) / 10) {
			*end = text;
			return 0;
		}
		value = value * 10 + digit;
		*end = at + 1;
	}
	return value;
}

void write_digits(char *to, uint32_t value, unsigned digits)
{
	while (digits > 0) {
		to[--digits] = (char)('0' + value % 10);
		value /= 10;
	}
}

void join_text(char *to, size_t room, const char *first, const char *second, const char *third)
{
	const char *parts[] = {first, second, third};
	size_t used = 0;
	for (size_t i = 0; i < 3; i++) {
		size_t bytes = strlen(parts[i]);
		if (bytes > room - 1 - used)
			bytes = room - 1 - used;
		memcpy(to + used, parts[i], bytes);
		used += bytes;
	}
	to[used] = 0;
}

void write_fd_path(char *to, size_t room, int fd)
{
	char number[DECIMAL_BYTES];
	write_decimal(number, (uint64_t)fd);
	join_text(to, room, "/proc/self/fd/", number, "");
}
