/* Writing configuration documents, as the authority of an overlay does. */
#pragma once

#include "config/config.h"
#include "ident/key.h"

struct reload_config_draft {
	const char *instance_name;
	uint16_t sequence;
	reload_utc expiration;
	const char *topology_plugin; /* NULL: CHORD-RELOAD */
	uint8_t node_id_len;         /* 0: 16 */
	const struct span *roots;
	size_t roots_count;
	const char *const *enrollment_servers;
	size_t enrollment_servers_count;
	uint8_t self_signed_digest;
	const struct reload_ip_port *bootstrap;
	size_t bootstrap_count;
	const struct reload_ip_port *multicast; /* groups, at most RELOAD_CONFIG_GROUPS_MAX */
	size_t multicast_count;
	bool no_ice;
	uint32_t max_message_size, initial_ttl,
		overlay_reliability_timer_ms; /* 0: not written, so that the default applies */
	uint32_t chord_update_interval_s, chord_ping_interval_s; /* 0: not written */
	uint32_t peers_to_probe;         /* of CHORD-SELF-TUNING; 0: RELOAD_PEERS_TO_PROBE */
	const struct reload_id *signers; /* both kind-signer and configuration-signer */
	size_t signers_count;
	const char *const *kind_elements; /* each "<kind ...> ... </kind>", to be signed */
	size_t kind_elements_count;
	const struct reload_diagnostic_grant
		*grants; /* ascending by Kind; none: without the extension of RFC 7851 */
	size_t grants_count;
	const struct reload_id *bad_nodes;
	size_t bad_nodes_count;
	const char *shared_secret; /* NULL: none */
	bool no_turn, no_clients,
		no_reactive;  /* turn-density 0, clients-permitted false, chord-reactive false */
	uint8_t turn_density; /* 0: not written */
	bool redir;           /* nodes must know ReDiR (RFC 7374 s8): a mandatory-extension */
};

struct reload_config_signer {
	const struct reload_key *key;
	const struct reload_cert *cert; /* with a Node-ID that is one of the signers */
	struct reload_id node;
	struct reload_cert *const *others; /* intermediates for the SecurityBlock */
	size_t others_count;
};

/*
 * reload_config_write() appends the signed document.  It parses what it wrote (reload_config_parse and _verify) before it
 * returns success, so that it never writes a document that it would refuse itself.
 */
enum reload_err reload_config_write(struct wr *w, const struct reload_config_draft *draft,
	const struct reload_config_signer *signer, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;

/* reload_kind_element() returns "<kind ...>...</kind>" for kind (owned string). */
char *reload_kind_element(const struct reload_kind *kind);

/*
 * reload_kind_workable() refuses limits of a Kind that can never work where messages have max_message_size bytes: a value that
 * fits none, and a dictionary of which one message cannot list the keys.  reload_config_workable() does so with all Kinds of a
 * document, and with a max-message-size that is more than any message may have.  RELOAD_BAD_CONFIG, why filled.  Only
 * authorities call it: a node uses such a document all the same.
 */
enum reload_err reload_kind_workable(const struct reload_kind *kind, uint32_t max_message_size,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err reload_config_workable(
	const struct reload_config *config, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_kind_file_read() reads the text of a Kind file: one kind element, around which a byte order mark, an XML declaration,
 * comments and white space may stand.  kind->block is the element's bytes within text; a registered Kind is as it is
 * registered (R-11.1-41).  RELOAD_BAD_CONFIG, why with the line of the text.
 */
enum reload_err reload_kind_file_read(
	struct reload_kind *kind, struct span text, struct reload_error_text *why) MUST_CHECK;
