/* What the files of wire/ share and other rooms may not use. */
#pragma once

#include "wire/table.h"

#include <assert.h>

/* reload_field_present() returns whether the row is on the wire, given the present contents of the structure s. */
static inline bool reload_field_present(const struct wire_field *f, const void *s)
{
	if (!f->conditional)
		return true;
	uint8_t tag = ((const uint8_t *)s)[f->tag_at];
	return (tag >= f->lo && tag <= f->hi) != f->otherwise;
}

/* reload_field_load() returns the integer of size bytes at member. */
static inline uint64_t reload_field_load(const void *member, size_t size)
{
	switch (size) {
	case 1:
		return *(const uint8_t *)member;
	case 2:
		return *(const uint16_t *)member;
	case 4:
		return *(const uint32_t *)member;
	default:
		assert(size == 8);
		return *(const uint64_t *)member;
	}
}

/* reload_field_store() writes the integer of size bytes to member. */
static inline void reload_field_store(void *member, size_t size, uint64_t v)
{
	switch (size) {
	case 1:
		*(uint8_t *)member = (uint8_t)v;
		break;
	case 2:
		*(uint16_t *)member = (uint16_t)v;
		break;
	case 4:
		*(uint32_t *)member = (uint32_t)v;
		break;
	default:
		assert(size == 8);
		*(uint64_t *)member = v;
	}
}

extern const struct wire_type reload_extension_wire;
