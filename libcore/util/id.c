#include "util/id.h"

#include "util/text.h"

#include <endian.h>

enum reload_err reload_id_from(struct reload_id *out, struct span s)
{
	if (s.len > RELOAD_ID_MAX)
		return RELOAD_BAD_VALUE;
	*out = (struct reload_id){ .len = (uint8_t)s.len };
	if (s.len)
		memcpy(out->at, s.at, s.len);
	return RELOAD_OK;
}

enum reload_err reload_id_from_hex(struct reload_id *out, const char *text)
{
	size_t len = strlen(text);
	struct reload_id id = { .len = (uint8_t)(len / 2) };
	if (len > 2 * RELOAD_ID_MAX)
		return RELOAD_BAD_VALUE;
	enum reload_err err = reload_unhex(id.at, text, len);
	if (!err)
		*out = id;
	return err;
}

char *reload_id_hex(char out[RELOAD_ID_HEX], const struct reload_id *id)
{
	return reload_hex(out, reload_id_span(id));
}

static bool all_bytes(const struct reload_id *id, uint8_t byte)
{
	for (unsigned i = 0; i < id->len; i++)
		if (id->at[i] != byte)
			return false;
	return id->len > 0;
}

bool reload_id_is_wildcard(const struct reload_id *id)
{
	return all_bytes(id, 0xff);
}

bool reload_id_is_zero(const struct reload_id *id)
{
	return all_bytes(id, 0);
}

struct reload_id reload_id_wildcard(uint8_t len)
{
	struct reload_id id = { .len = len };
	memset(id.at, 0xff, len);
	return id;
}

struct reload_id reload_id_distance(const struct reload_id *from, const struct reload_id *to)
{
	enum {
		WORD = sizeof(uint64_t)
	};
	struct reload_id out = { .len = to->len };
	int borrow = 0, i = to->len;
	for (; i >= WORD;
		i -=
		WORD) { /* eight bytes at a time: most of the work of a routing decision is comparing IDs */
		uint64_t a, b;
		memcpy(&a, to->at + i - WORD, WORD);
		memcpy(&b, from->at + i - WORD, WORD);
		a = be64toh(a);
		b = be64toh(b);
		uint64_t v = htobe64(a - b - (uint64_t)borrow);
		borrow = borrow ? a <= b : a < b;
		memcpy(out.at + i - WORD, &v, WORD);
	}
	while (i-- > 0) {
		int v = to->at[i] - from->at[i] - borrow;
		borrow = v < 0;
		out.at[i] = (uint8_t)(v & 0xff);
	}
	return out;
}

struct reload_id reload_id_add_power(const struct reload_id *id, unsigned bit)
{
	struct reload_id out = *id;
	unsigned carry = 1u << bit % 8;
	for (int i = id->len - 1 - (int)(bit / 8); i >= 0 && carry; i--) {
		unsigned v = out.at[i] + carry;
		out.at[i] = (uint8_t)v;
		carry = v >> 8;
	}
	return out;
}

struct reload_id reload_id_before(const struct reload_id *id)
{
	struct reload_id one = { .len = id->len };
	if (one.len)
		one.at[one.len - 1] = 1;
	return reload_id_distance(&one, id);
}

bool reload_id_listed(const struct reload_id *list, size_t count, const struct reload_id *id)
{
	for (size_t i = 0; i < count; i++)
		if (reload_id_eq(&list[i], id))
			return true;
	return false;
}

size_t reload_id_place(
	const void *rows, size_t count, size_t size, size_t offset, const struct reload_id *id)
{
	size_t low = 0, high = count;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const void *own = (const char *)rows + middle * size + offset;
		if (reload_id_cmp(own, id) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

bool reload_id_between(
	const struct reload_id *from, const struct reload_id *x, const struct reload_id *to)
{
	struct reload_id whole = reload_id_distance(from, to), part = reload_id_distance(from, x);
	if (reload_id_is_zero(&whole))
		return true;
	return !reload_id_is_zero(&part) && reload_id_cmp(&part, &whole) <= 0;
}
