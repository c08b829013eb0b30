#include "dns/records_io.h"

#include <ares.h>
#include <string.h>

/* A name without its final dot, and its end; false: too long. */
static bool copy_name(char out[RELOAD_SRV_TARGET_MAX + 1], const char *name)
{
	size_t len = strlen(name);
	if (len && name[len - 1] == '.')
		len--;
	if (len > RELOAD_SRV_TARGET_MAX)
		return false;
	memcpy(out, name, len);
	out[len] = 0;
	return true;
}

/* The place of a record whose priority is that number, when there are count: of all that came the most preferred stay; NULL: it does not. */
static struct reload_srv *srv_place(struct reload_srv *out, size_t *count, uint16_t priority)
{
	struct reload_srv *worst = &out[0];
	if (*count < RELOAD_SRV_MAX)
		return &out[(*count)++];
	for (size_t i = 1; i < *count; i++)
		if (out[i].priority > worst->priority)
			worst = &out[i];
	return worst->priority > priority ? worst : NULL;
}

int reload_srv_read(
	struct reload_srv out[RELOAD_SRV_MAX], size_t *count, bool *no_service, struct span answer)
{
	struct ares_srv_reply *reply = NULL;
	int status = ares_parse_srv_reply(answer.at, (int)answer.len, &reply);
	*count = 0;
	*no_service = false;
	for (const struct ares_srv_reply *r = reply; r; r = r->next) {
		struct reload_srv record = {
			.priority = r->priority, .weight = r->weight, .port = r->port
		};
		if (!copy_name(record.target, r->host))
			continue;
		*no_service |= !record.target[0]; /* c-ares 1.18 gives "." as an empty text */
		struct reload_srv *to =
			record.target[0] && r->port ? srv_place(out, count, r->priority) : NULL;
		if (to)
			*to = record;
	}
	ares_free_data(reply);
	return status;
}

/* Flags and services that are longer than those of SIP are none of them: empty. */
static void copy_field(char *out, size_t cap, const unsigned char *field)
{
	size_t len = strlen((const char *)field);
	if (len < cap)
		memcpy(out, field, len + 1);
}

int reload_naptr_read(struct reload_naptr out[RELOAD_NAPTR_MAX], size_t *count, struct span answer)
{
	struct ares_naptr_reply *reply = NULL;
	int status = ares_parse_naptr_reply(answer.at, (int)answer.len, &reply);
	*count = 0;
	for (const struct ares_naptr_reply *r = reply; r && *count < RELOAD_NAPTR_MAX;
		r = r->next) {
		struct reload_naptr *to = &out[*count];
		*to = (struct reload_naptr){ .order = r->order,
			.preference = r->preference,
			.has_regexp = r->regexp[0] != 0 };
		copy_field(to->flags, sizeof(to->flags), r->flags);
		copy_field(to->service, sizeof(to->service), r->service);
		*count += copy_name(to->replacement, r->replacement);
	}
	ares_free_data(reply);
	return status;
}
