/*
 * The STUN server and the client on hostile bytes.  The first byte chooses who reads them.  The server answers nothing that
 * is much longer than what it was asked, an answer never asks for another one, and the client reads the answer to its own
 * request back, whatever else it was sent.
 */
#include "link/stun.h"
#include "util/alloc.h"

#include <assert.h>
#include <stdlib.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const uint8_t transaction[RELOAD_STUN_TRANSACTION] = "transaction";

static struct reload_ip_port from(uint8_t choice)
{
	return choice & 2 ? (struct reload_ip_port){ .type = RELOAD_IPV6,
		.addr = { 0x20, 1, 0xd, 0xb8, 1, 2, 3, 4, 5, 6, 7, 8, 9 },
		.port = 0x2112 }
			  : (struct reload_ip_port){
				    .type = RELOAD_IPV4, .addr = { 192, 0, 2, choice }, .port = 6084
			    };
}

static void server(struct span datagram, const struct reload_ip_port *source)
{
	struct reload_admission a;
	uint8_t answer[RELOAD_STUN_ANSWER_MAX], again[RELOAD_STUN_ANSWER_MAX];
	size_t len = 0, none;
	reload_admission_init(&a, 1, 1, 0);
	enum reload_err err = reload_stun_serve(answer, &len, &a, datagram, source, 0);
	assert(!err || err == RELOAD_BAD_VALUE || err == RELOAD_NO_METHOD);
	if (err)
		return;
	struct span sent = span_of(answer, len);
	assert(reload_stun_is(datagram) && reload_stun_is(sent));
	assert(len <= datagram.len + RELOAD_STUN_GROWTH_MAX && len <= sizeof(answer));
	assert(!memcmp(answer + 4, datagram.at + 4, 16));
	assert(reload_stun_serve(again, &none, &a, sent, source, 0) == RELOAD_NO_METHOD);
}

static void client(struct span datagram)
{
	struct reload_stun_answer a;
	enum reload_err err = reload_stun_response(&a, datagram, transaction);
	assert(!err || err == RELOAD_BAD_ANSWER || err == RELOAD_NO_METHOD);
	assert(err || !reload_ip_port_fault(&a.mapped));
	assert(!a.other.type || !reload_ip_port_fault(&a.other));
}

static void own_request(const struct reload_ip_port *source)
{
	struct reload_admission a;
	struct reload_stun_answer seen;
	uint8_t request[RELOAD_STUN_REQUEST_SIZE], answer[RELOAD_STUN_ANSWER_MAX];
	size_t len, sent = reload_stun_request(request, transaction, RELOAD_STUN_CHANGE_NOTHING);
	reload_admission_init(&a, 1, 1, 0);
	assert(!reload_stun_serve(answer, &len, &a, span_of(request, sent), source, 0));
	assert(!reload_stun_response(&seen, span_of(answer, len), transaction));
	assert(seen.mapped.type == source->type && seen.mapped.port == source->port);
	assert(!memcmp(seen.mapped.addr, source->addr, sizeof(seen.mapped.addr)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	if (!size)
		return 0;
	struct reload_ip_port source = from(data[0]);
	uint8_t *copy = reload_memdup(data + 1, size - 1); /* one byte too far is seen */
	struct span datagram = span_of(copy, size - 1);
	if (data[0] & 1)
		client(datagram);
	else
		server(datagram, &source);
	if (size == 1)
		own_request(&source);
	free(copy);
	return 0;
}
