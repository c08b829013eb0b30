/* Who a node is: its certificate, the key to it and one of its Node-IDs. */
#pragma once

#include "ident/cert.h"
#include "ident/key.h"

/* Immutable. */
struct reload_credentials {
	struct reload_cert *cert;
	struct reload_cert **others; /* intermediate authorities, no roots */
	size_t others_count;
	struct reload_key *key;
	struct reload_id node; /* one of cert's Node-IDs */
};
