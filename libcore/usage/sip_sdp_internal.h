/* What the files of session descriptions share: words (sip_sdp_text.c), the reader (sip_sdp.c), the attributes of ICE and DTLS (sip_sdp_ice.c), the writer (sip_sdp_write.c). */
#pragma once

#include "usage/sip_sdp.h"

extern const char *const reload_sdp_directions[];

/* reload_sdp_word() takes the next of the words of a line, which are separated by blanks; empty: there is none. */
struct span reload_sdp_word(struct span *line);

/* reload_sdp_is() compares without regard to case. */
bool reload_sdp_is(struct span s, const char *text);

/* reload_sdp_number() reads decimal digits, with "/" and what comes after it left out; false for another text or a number above max. */
bool reload_sdp_number(unsigned long *out, struct span word, unsigned long max);

/* reload_sdp_address() reads a numeric address that packets can be sent to; no name is ever looked up. */
bool reload_sdp_address(struct reload_ip_port *out, struct span host, unsigned long port);

/* reload_sdp_read_dtls() and reload_sdp_read_ice() read an attribute; one that is wrong, or of something else, changes nothing. */
void reload_sdp_read_dtls(struct reload_sdp_dtls *out, struct span name, struct span value);
void reload_sdp_read_ice(struct reload_sdp_ice *out, struct span name, struct span value);

/* reload_sdp_write_dtls() and reload_sdp_write_ice() append attributes. */
void reload_sdp_write_dtls(
	struct wr *w, const struct reload_sdp_dtls *dtls, enum reload_sdp_setup setup);
void reload_sdp_write_ice(struct wr *w, const struct reload_sdp_ice *ice);

/* reload_sdp_host() writes the address alone, and returns "IP4" or "IP6". */
const char *reload_sdp_host(char out[64], const struct reload_ip_port *at);
