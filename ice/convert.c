#include "convert.h"

#include "wire/codes.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

void ice_address_to(NiceAddress *out, const struct reload_ip_port *in)
{
	nice_address_init(out);
	if (in->type == RELOAD_IPV4) {
		uint32_t v4;
		memcpy(&v4, in->addr, sizeof(v4));
		nice_address_set_ipv4(out, ntohl(v4));
	} else {
		nice_address_set_ipv6(out, in->addr);
	}
	nice_address_set_port(out, in->port);
}

void ice_address_from(struct reload_ip_port *out, const NiceAddress *in)
{
	union {
		struct sockaddr any;
		struct sockaddr_in v4;
		struct sockaddr_in6 v6;
	} at;
	*out = (struct reload_ip_port){ 0 };
	if (!nice_address_is_valid(in))
		return;
	nice_address_copy_to_sockaddr(in, &at.any);
	if (at.any.sa_family == AF_INET) {
		out->type = RELOAD_IPV4;
		out->port = ntohs(at.v4.sin_port);
		memcpy(out->addr, &at.v4.sin_addr, 4);
	} else {
		out->type = RELOAD_IPV6;
		out->port = ntohs(at.v6.sin6_port);
		memcpy(out->addr, &at.v6.sin6_addr, 16);
	}
}

const char *ice_address_text(char out[NICE_ADDRESS_STRING_LEN], const struct reload_ip_port *in)
{
	NiceAddress at;
	ice_address_to(&at, in);
	nice_address_to_string(&at, out);
	return out;
}

/* enum reload_ice_type has the numbers of libnice */
G_STATIC_ASSERT((int)RELOAD_ICE_HOST == (int)NICE_CANDIDATE_TYPE_HOST);
G_STATIC_ASSERT((int)RELOAD_ICE_SRFLX == (int)NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE);
G_STATIC_ASSERT((int)RELOAD_ICE_PRFLX == (int)NICE_CANDIDATE_TYPE_PEER_REFLEXIVE);
G_STATIC_ASSERT((int)RELOAD_ICE_RELAY == (int)NICE_CANDIDATE_TYPE_RELAYED);
G_STATIC_ASSERT((int)RELOAD_ICE_FOUNDATION == (int)NICE_CANDIDATE_MAX_FOUNDATION);

NiceCandidate *ice_candidate_to(const struct reload_ice_item *in, guint stream)
{
	NiceCandidate *c = nice_candidate_new((NiceCandidateType)in->type);
	memcpy(c->foundation, in->foundation, sizeof(c->foundation));
	c->priority = in->priority;
	c->stream_id = stream;
	c->component_id = 1;
	c->transport = NICE_CANDIDATE_TRANSPORT_UDP;
	ice_address_to(&c->addr, &in->address);
	if (in->base.type)
		ice_address_to(&c->base_addr, &in->base);
	return c;
}

gboolean ice_candidate_from(struct reload_ice_item *out, const NiceCandidate *in)
{
	*out = (struct reload_ice_item){ .type = (enum reload_ice_type)in->type,
		.priority = in->priority };
	memcpy(out->foundation, in->foundation, sizeof(out->foundation));
	out->foundation[sizeof(out->foundation) - 1] = 0;
	ice_address_from(&out->address, &in->addr);
	ice_address_from(&out->base, &in->base_addr);
	return in->transport == NICE_CANDIDATE_TRANSPORT_UDP && out->address.type;
}

void ice_pair_from(struct reload_ice_pair *out, const NiceCandidate *local,
	const NiceCandidate *remote, const struct reload_ip_port *server)
{
	*out = (struct reload_ice_pair){ .local_type = (enum reload_ice_type)local->type,
		.remote_type = (enum reload_ice_type)remote->type };
	ice_address_from(&out->local, &local->addr);
	ice_address_from(&out->remote, &remote->addr);
	ice_address_from(&out->base, &local->base_addr);
	if (local->type == NICE_CANDIDATE_TYPE_RELAYED)
		out->server = *server;
}

void ice_candidates_free(GSList *list)
{
	g_slist_free_full(list, (GDestroyNotify)nice_candidate_free);
}

static gboolean same_family(const NiceCandidate *a, const NiceCandidate *b)
{
	return nice_address_ip_version(&a->addr) == nice_address_ip_version(&b->addr);
}

size_t ice_pairs_of(struct reload_ice_pair out[RELOAD_ICE_PAIRS], NiceAgent *agent, guint stream,
	const struct reload_ip_port *server)
{
	GSList *local = nice_agent_get_local_candidates(agent, stream, ICE_COMPONENT);
	GSList *remote = nice_agent_get_remote_candidates(agent, stream, ICE_COMPONENT);
	size_t n = 0;
	for (GSList *i = local; i; i = i->next)
		for (GSList *k = remote; k && n < RELOAD_ICE_PAIRS; k = k->next) {
			const NiceCandidate *own = i->data, *other = k->data;
			if (!same_family(own, other) ||
				own->type == NICE_CANDIDATE_TYPE_SERVER_REFLEXIVE ||
				own->type == NICE_CANDIDATE_TYPE_PEER_REFLEXIVE)
				continue;
			ice_pair_from(&out[n], own, other, server);
			out[n++].heard = other->type == NICE_CANDIDATE_TYPE_PEER_REFLEXIVE;
		}
	ice_candidates_free(local);
	ice_candidates_free(remote);
	return n;
}
