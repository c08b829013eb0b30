/*
 * Hostile name servers: raw answers as c-ares hands them over, in answer to what a search for the servers of a SIP URI asks.
 *
 * Always true: the search ends after a bounded number of questions, each of which is a name that can be asked; what it finds are addresses
 * to which something can be sent, over transports and families that the caller has, each one once.
 *
 * A byte for the URI, a byte for the caller; then for each question a length of two bytes and the answer.
 */
#include "dns/name.h"
#include "dns/records_io.h"
#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
	QUESTIONS = 1 + RELOAD_LOCATE_SERVICES + RELOAD_LOCATE_HOSTS
};

static uint32_t draw(void *arg, uint32_t below)
{
	uint32_t *state = arg;
	*state = *state * 1664525u + 1013904223u;
	return (uint32_t)((uint64_t)*state * below >> 32);
}

/* The next answer, a block of its own so that one byte too far is seen (owned). */
static uint8_t *take(struct span *in, size_t *len)
{
	*len = 0;
	if (in->len >= 2)
		*len = (size_t)(in->at[0] << 8 | in->at[1]);
	size_t head = in->len < 2 ? in->len : 2;
	in->at += head;
	in->len -= head;
	*len = *len < in->len ? *len : in->len;
	uint8_t *copy = reload_memdup(in->at, *len);
	in->at += *len;
	in->len -= *len;
	return copy;
}

/* Addresses need no parser of c-ares here: a byte for the type, and 16 for the address. */
static void answer_addresses(struct reload_locate *l, unsigned id, struct span bytes)
{
	struct reload_ip_port addrs[RELOAD_DNS_ADDRESSES] = { 0 };
	size_t n = 0;
	for (; bytes.len >= 17 && n < RELOAD_DNS_ADDRESSES; n++) {
		addrs[n].type = bytes.at[0] & 1 ? RELOAD_IPV4 : RELOAD_IPV6;
		memcpy(addrs[n].addr, bytes.at + 1, 16);
		bytes = span_of(bytes.at + 17, bytes.len - 17);
	}
	reload_locate_addresses(l, id, addrs, n);
}

static void answer(struct reload_locate *l, const struct reload_locate_question *q, struct span b)
{
	struct reload_srv srvs[RELOAD_SRV_MAX];
	struct reload_naptr naptrs[RELOAD_NAPTR_MAX];
	size_t n = 0;
	bool no_service = false;
	if (b.len == 1) {
		reload_locate_failed(l, q->id);
	} else if (q->type == RELOAD_LOCATE_NAPTR) {
		(void)reload_naptr_read(naptrs, &n, b);
		reload_locate_naptr(l, q->id, naptrs, n);
	} else if (q->type == RELOAD_LOCATE_SRV) {
		(void)reload_srv_read(srvs, &n, &no_service, b);
		reload_locate_srv(l, q->id, srvs, n, no_service);
	} else {
		answer_addresses(l, q->id, b);
	}
}

static void check(const struct reload_locate *l, const struct reload_locate_uri *uri)
{
	const struct reload_locate_server *s = NULL;
	struct reload_error_text why;
	size_t count = 0;
	assert(reload_locate_done(l));
	if (reload_locate_servers(l, &s, &count, &why))
		return;
	assert(count > 0 && count <= RELOAD_LOCATE_SERVERS);
	for (size_t i = 0; i < count; i++) {
		assert(s[i].transport & uri->transports);
		assert(!reload_ip_port_fault(&s[i].at));
		assert(uri->families &
			(s[i].at.type == RELOAD_IPV4 ? RELOAD_LOCATE_IPV4 : RELOAD_LOCATE_IPV6));
		for (size_t k = 0; k < i; k++)
			assert(s[i].transport != s[k].transport ||
				!reload_ip_port_eq(&s[i].at, &s[k].at));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct reload_locate *l = NULL;
	struct reload_locate_question q;
	struct reload_error_text why;
	uint32_t seed = 1;
	unsigned asked = 0;
	if (size < 2)
		return 0;
	struct reload_locate_uri uri = { .host = "example.com",
		.port = data[0] & 1 ? 5099 : 0,
		.sips = data[0] & 2,
		.large = data[0] & 4,
		.transport = data[0] & 8 ? RELOAD_LOCATE_TCP : RELOAD_LOCATE_ANY,
		.transports = (data[1] & 7u) | RELOAD_LOCATE_TLS,
		.families = data[1] >> 3 & 3u };
	struct span in = span_of(data + 2, size - 2);
	if (reload_locate_new(&l, &uri, draw, &seed, &why))
		return 0;
	while (reload_locate_next(l, &q)) {
		size_t len;
		uint8_t *bytes = take(&in, &len);
		assert(reload_host_name_valid(span_str(q.name)));
		assert(++asked <= QUESTIONS);
		answer(l, &q, span_of(bytes, len));
		free(bytes);
	}
	check(l, &uri);
	reload_locate_free(l);
	return 0;
}
