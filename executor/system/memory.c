/* Memory and strings. Compiled without builtins, or the compiler would make memcpy out of memcpy. */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

void *memcpy(void *restrict to, const void *restrict from, size_t count)
{
#if defined(__x86_64__)
	void *start = to;
	__asm__ volatile("rep movsb" : "+D"(to), "+S"(from), "+c"(count) : : "memory");
	return start;
#else
	char *target = to;
	const char *source = from;
	while (count-- > 0)
		*target++ = *source++;
	return to;
#endif
}

void *memmove(void *to, const void *from, size_t count)
{
	char *target = to;
	const char *source = from;
	if ((uintptr_t)to - (uintptr_t)from >= count)
		return memcpy(to, from, count);
	while (count-- > 0)
		target[count] = source[count];
	return to;
}

void *memset(void *to, int value, size_t count)
{
	char *target = to;
	while (count-- > 0)
		*target++ = (char)value;
	return to;
}

int memcmp(const void *left, const void *right, size_t count)
{
	const unsigned char *a = left;
	const unsigned char *b = right;
	for (size_t i = 0; i < count; i++)
		if (a[i] != b[i])
			return a[i] < b[i] ? -1 : 1;
	return 0;
}

void *memchr(const void *bytes, int wanted, size_t count)
{
	const unsigned char *at = bytes;
	for (size_t i = 0; i < count; i++)
		if (at[i] == (unsigned char)wanted)
			return (void *)(uintptr_t)(at + i);
	return NULL;
}

void *memrchr(const void *bytes, int wanted, size_t count)
{
	const unsigned char *at = bytes;
	while (count-- > 0)
		if (at[count] == (unsigned char)wanted)
			return (void *)(uintptr_t)(at + count);
	return NULL;
}

size_t strlen(const char *text)
{
	size_t length = 0;
	while (text[length])
		length++;
	return length;
}

char *strcpy(char *restrict to, const char *restrict from)
{
	return memcpy(to, from, strlen(from) + 1);
}

int strcmp(const char *left, const char *right)
{
	while (*left && *left == *right) {
		left++;
		right++;
	}
	return (unsigned char)*left - (unsigned char)*right;
}

int strncmp(const char *left, const char *right, size_t count)
{
	for (; count > 0; count--, left++, right++)
		if (*left != *right || !*left)
			return (unsigned char)*left - (unsigned char)*right;
	return 0;
}

char *strchr(const char *text, int wanted)
{
	return memchr(text, wanted, strlen(text) + 1);
}

char *strrchr(const char *text, int wanted)
{
	return memrchr(text, wanted, strlen(text) + 1);
}

size_t strspn(const char *text, const char *set)
{
	size_t length = 0;
	while (text[length] && strchr(set, text[length]))
		length++;
	return length;
}

size_t strcspn(const char *text, const char *set)
{
	size_t length = 0;
	while (text[length] && !strchr(set, text[length]))
		length++;
	return length;
}
