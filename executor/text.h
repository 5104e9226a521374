/* Numbers and short names as text, without stdio and its buffers. */
#ifndef TIFFIN_TEXT_H
#define TIFFIN_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Room for the longest u64 and a NUL. */
#define DECIMAL_BYTES 21

/* Writes `value` in decimal with a NUL and returns its length. */
size_t write_decimal(char *to, uint64_t value);

/* Reads decimal digits at `text`; `end` points behind them, at `text` when there are none or too many. */
uint32_t read_decimal(const char *text, const char **end);

/* Writes exactly `digits` decimal digits, zeros in front, no NUL. */
void write_digits(char *to, uint32_t value, unsigned digits);

/* Joins three parts, cut off at `room` - 1 bytes. */
void join_text(char *to, size_t room, const char *first, const char *second, const char *third);

/* The name under which /proc lets this process reach its descriptor; `room` at least 32. */
void write_fd_path(char *to, size_t room, int fd);

#endif
