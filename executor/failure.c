#include "failure.h"

#include <errno.h>
#include <string.h>

#include "start.h"
#include "text.h"

int fail_explained(struct start *s, uint32_t step, const char *object, const char *explanation)
{
	struct failure *f = s->failure;
	size_t room = sizeof f->text;
	size_t object_bytes = object ? strlen(object) : 0;
	size_t explanation_bytes = explanation ? strlen(explanation) : 0;
	f->op = s->op;
	f->step = step;
	f->error = (uint32_t)errno;
	if (object_bytes > room - 1)
		object_bytes = room - 1;
	if (explanation_bytes > room - 1 - object_bytes)
		explanation_bytes = room - 1 - object_bytes;
	memcpy(f->text, object ? object : "", object_bytes);
	f->text_bytes = (uint32_t)object_bytes;
	if (explanation_bytes > 0) {
		f->text[object_bytes] = 0;
		memcpy(f->text + object_bytes + 1, explanation, explanation_bytes);
		f->text_bytes += 1 + (uint32_t)explanation_bytes;
	}
	if (s->is_child)
		s->progress->state = PROGRESS_FAILED;
	return -1;
}

int fail(struct start *s, uint32_t step, const char *object)
{
	return fail_explained(s, step, object, NULL);
}

int fail_slot(struct start *s, uint32_t step, uint32_t slot)
{
	char number[DECIMAL_BYTES];
	char name[32];
	write_decimal(number, slot);
	join_text(name, sizeof name, "slot ", number, "");
	return fail(s, step, name);
}
