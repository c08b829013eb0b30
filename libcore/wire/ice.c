#include "wire/ice.h"

#include "wire/codes.h"

enum {
	UFRAG_MIN =
		4, /* RFC 5245 s15.4: the greatest length, 256, is more than fits into an Attach */
	PASSWORD_MIN = 22
};

/* ice-char of RFC 5245 s15.1 */
static bool is_ice_text(struct span s)
{
	for (size_t i = 0; i < s.len; i++) {
		uint8_t c = s.at[i], letter = c | 0x20;
		if (!(letter >= 'a' && letter <= 'z') && !(c >= '0' && c <= '9') && c != '+' &&
			c != '/')
			return false;
	}
	return true;
}

const char *reload_ice_credentials_fault(struct span ufrag, struct span password)
{
	if (ufrag.len < UFRAG_MIN)
		return "the ufrag is shorter than 4 characters";
	if (password.len < PASSWORD_MIN)
		return "the password is shorter than 22 characters";
	if (!is_ice_text(ufrag))
		return "the ufrag has a character that ICE does not allow";
	return is_ice_text(password) ? NULL
				     : "the password has a character that ICE does not allow";
}

static const char *foundation_fault(struct span foundation)
{
	if (!foundation.len)
		return "the foundation is empty";
	for (size_t i = 0; i < foundation.len; i++)
		if (foundation.at[i] <= ' ' || foundation.at[i] > '~')
			return "the foundation has a character that is not printable";
	return NULL;
}

const char *reload_ice_candidate_fault(const struct reload_ice_candidate *c, bool loopback)
{
	if (c->overlay_link != RELOAD_DTLS_UDP_SR)
		return "not of a link type that uses ICE";
	if (c->type != RELOAD_CAND_HOST && c->type != RELOAD_CAND_SRFLX &&
		c->type != RELOAD_CAND_RELAY)
		return "of a reserved type";
	if (!c->priority || c->priority > INT32_MAX)
		return "the priority is not from 1 to 2147483647"; /* RFC 5245 s4.1.2 */
	const char *fault = foundation_fault(c->foundation);
	return fault ? fault : reload_ip_port_claim_fault(&c->addr_port, loopback);
}
