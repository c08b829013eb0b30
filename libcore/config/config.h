/*
 * The overlay configuration document (RFC 6940 s11.1): parsed once, immutable, counted references, swapped as a whole
 * when a newer signed one arrives.
 */
#pragma once

#include "config/kind.h"
#include "ident/trust.h"
#include "util/arena.h"
#include "util/owned.h"
#include "wire/destination.h"

enum {
	RELOAD_CONFIG_SIZE_MAX = 1024 * 1024,
	RELOAD_CONFIG_KINDS_MAX = 256,
	RELOAD_CONFIG_LIST_MAX = 256,
	RELOAD_CONFIG_UPDATE_OVERHEAD =
		2048, /* of a ConfigUpdate beside the document, about: header, lists, signature, certificates */
	RELOAD_CONFIG_GROUPS_MAX = 4,   /* multicast-bootstrap */
	RELOAD_CONFIG_GRANTS_MAX = 4096 /* pairs of a diagnostic Kind and a node */
};

struct reload_config_kind_list {
	struct reload_kind *at;
	size_t count;
};

struct reload_id_list {
	struct reload_id *at;
	size_t count;
};

struct reload_string_list {
	char **at;
	size_t count;
};

/* A node that may read a diagnostic Kind of every node; the wildcard Node-ID: every node with a certificate of the overlay. */
struct reload_diagnostic_grant {
	uint16_t kind;
	struct reload_id node;
};

/* The algorithms with a name that other rooms ask for, and what number-of-peers-to-probe is when the document has none (RFC 7363 s7). */
#define RELOAD_CHORD_SELF_TUNING "CHORD-SELF-TUNING"
enum {
	RELOAD_PEERS_TO_PROBE = 4
};

enum {
	RELOAD_SECRET_MAX = 256, /* bytes of a shared-secret, which OpenSSL takes as a key */
	RELOAD_SECRET_MIN = 16   /* below that one who sees a handshake may guess it */
};

struct reload_config {
	unsigned refs;
	struct bytes text; /* the whole document as it came, owned */
	struct reload_arena
		arena; /* has what was decoded: roots, signatures, and the kind-blocks that a copy learned */
	struct span document; /* of text */
	struct span
		element; /* <configuration ...> to </configuration>, inside document: what is signed */
	char *instance_name; /* the overlay name */
	uint32_t overlay_hash;
	uint16_t sequence;
	reload_utc expiration; /* RELOAD_NEVER when absent */
	char *topology_plugin;
	uint8_t node_id_len;
	struct span *roots; /* DER, in the arena */
	size_t roots_count;
	struct reload_string_list enrollment_servers, link_protocols, mandatory_extensions;
	uint8_t self_signed_digest; /* 0: not permitted; else RELOAD_HASH_SHA1 or RELOAD_HASH_SHA256 */
	struct reload_ip_port *bootstrap;
	size_t bootstrap_count;
	struct reload_ip_port multicast
		[RELOAD_CONFIG_GROUPS_MAX]; /* where nodes of a local network ask for a bootstrap node (CFG-12) */
	size_t multicast_count;
	uint8_t turn_density;
	bool clients_permitted, no_ice, chord_reactive;
	uint32_t chord_update_interval_s, chord_ping_interval_s;
	uint32_t peers_to_probe; /* number-of-peers-to-probe of CHORD-SELF-TUNING (RFC 7363 s7) */
	char *shared_secret;     /* of TLS-PSK (R-13.4-01); NULL: links are by certificates */
	uint32_t max_message_size;
	uint8_t initial_ttl;
	uint32_t overlay_reliability_timer_ms;
	struct reload_id_list kind_signers, configuration_signers, bad_nodes;
	uint32_t
		branching_factor; /* of the document, for a Kind without one of its own (RFC 7374 s8); 0: none */
	bool domains_restricted; /* the restriction of domains of the document, for a Kind without one of its own (RFC 7904 s3.4) */
	struct span domains;
	struct reload_config_kind_list
		kinds; /* of the document and those always there (CFG-11), ascending by id */
	struct reload_diagnostic_grant *
		grants; /* ascending by Kind, then by node; none unless the document declares the extension of RFC 7851 */
	size_t grants_count;
	struct reload_trust *trust;
	struct span *
		signatures; /* decoded SecurityBlocks behind the configuration element, in the arena */
	size_t signatures_count;
	struct reload_string_list
		warnings; /* for `config check`: no encoding declared, and the like */
	struct reload_error_text *
		unsupported; /* why this program cannot be a member by this document, owned; NULL: it can */
	struct reload_config *
		base; /* set in a copy with more Kinds: all but kinds, superseded and warnings belongs to it */
	uint8_t (*superseded)[32]; /* SHA-256 of learned kind-blocks that others have replaced */
	size_t superseded_count;
};

/*
 * reload_config_parse() parses and checks a document: size, well-formed UTF-8 XML without a document type, the form that the
 * grammar of RFC 6940 s11.1.1 has (R-11.1.1-01, CFG-02), then our own checks; messages name the line.  overlay chooses the configuration element
 * by instance-name (NULL: there must be one).  Kind signatures are verified (against the document's own kind-signers).
 * Unknown elements of other namespaces are ignored but kept in the bytes; an unknown mandatory-extension, topology
 * plug-in, data model or link protocol fails.  A document that has expired at now is refused; 0: the time is not checked.  *out has one reference.
 * Errors: RELOAD_BAD_CONFIG, _CONFIG_EXPIRED, _BAD_SIGNATURE, why filled.
 */
enum reload_err reload_config_parse(struct reload_config **out, struct span document,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_config_parse_any() is the same for a node that has to find out whether such a document is signed: a setting that this program
 * does not know is no error, but noted in unsupported, and a Kind that it cannot have is missing.  Nothing but
 * reload_config_verify() and reload_config_newer() may be asked of such a document.
 */
enum reload_err reload_config_parse_any(struct reload_config **out, struct span document,
	const char *overlay, const struct reload_ident_ops *ops, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_config_verify() returns whether config is signed by a configuration-signer of before, or of itself when before is
 * NULL (CFG-04, CFG-05), whose certificate chain ends at a root-cert of that document.  RELOAD_CONFIG_UNSIGNED,
 * _BAD_SIGNATURE, or a certificate's failure.
 */
enum reload_err reload_config_verify(const struct reload_config *config,
	const struct reload_config *before, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_config_supported() refuses a document with a setting that this program does not implement: what reload_config_parse_any()
 * noted, and a shared-secret that is empty or longer than RELOAD_SECRET_MAX bytes.  RELOAD_BAD_CONFIG, why filled.
 */
enum reload_err reload_config_supported(
	const struct reload_config *config, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_config_with_kinds() makes a copy of config that also knows the kind-blocks given (RFC 6940 s6.5.4): each signed
 * by a kind-signer of config.  Ignored are a block that is known already, one for a Kind of the document (only a newer document
 * changes it), and one that another block has replaced; when all are ignored, *out is config itself, with why filled unless
 * all were known already.  RELOAD_FORBIDDEN for a wrong signer or a Kind known from another signer, RELOAD_INVALID_MESSAGE for one that
 * does not parse.
 */
enum reload_err reload_config_with_kinds(struct reload_config **out,
	const struct reload_config *config, const struct span *kind_blocks, size_t count,
	reload_utc now, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_config_carry_kinds() returns a copy of config, a newer document than before, that also knows the Kinds which
 * before learned by ConfigUpdate, as far as config's kind-signers still include their signer and config has no kind-block
 * of its own for them (CFG-17).  The caller drops the data of Kinds that before knew and the copy does not.
 */
struct reload_config *reload_config_carry_kinds(
	const struct reload_config *config, const struct reload_config *before, reload_utc now);

/* reload_config_ref() takes one more reference and returns config; reload_config_free() drops one, NULL is legal. */
struct reload_config *reload_config_ref(const struct reload_config *config);
void reload_config_free(struct reload_config *config);
AUTO_DEFINE(reload_config)

/* reload_config_kind() returns the Kind with that id, NULL when this overlay does not know it (borrowed). */
const struct reload_kind *reload_config_kind(const struct reload_config *config, uint32_t id);

/* reload_config_kind_named() finds a Kind by registered name, name of the document, decimal or 0x number. */
const struct reload_kind *reload_config_kind_named(
	const struct reload_config *config, const char *text);

/*
 * reload_config_may_read() returns whether the document lets node read a diagnostic Kind (RFC 7851 s7): the rule is no, unless the node
 * or every node is listed for it.
 */
bool reload_config_may_read(
	const struct reload_config *config, uint16_t kind, const struct reload_id *node);

/* reload_config_model() is the model callback of struct wire_ctx; arg is a const struct reload_config *. */
enum reload_data_model reload_config_model(const void *arg, uint32_t kind);

/* reload_config_wire_ctx() fills what wire decoders need from the document; arena stays NULL. */
struct wire_ctx reload_config_wire_ctx(const struct reload_config *config);

/*
 * reload_sequence_newer() returns whether a is newer than b: 1 <= (a - b) mod 65535 <= 32767 (HDR-08).
 * reload_sequence_next() is the successor; that of 65534 is 0.
 */
bool reload_sequence_newer(uint16_t a, uint16_t b);
uint16_t reload_sequence_next(uint16_t sequence);

/*
 * reload_config_newer() returns whether config may replace present: its sequence is newer and, where the number wrapped around, it
 * does not expire earlier.  Otherwise the first document could replace the last one when numbers jump (1, 30000, 60000).
 */
bool reload_config_newer(const struct reload_config *config, const struct reload_config *present);

/*
 * reload_config_in_place() returns whether a running node can go from before to config and keep its place in the ring and its links;
 * otherwise it has to leave: another overlay algorithm, length of Node-IDs, or way of making links.
 */
bool reload_config_in_place(const struct reload_config *config, const struct reload_config *before);

/* reload_config_same_secret() returns whether links are made by the same shared secret, or by none in both. */
bool reload_config_same_secret(const struct reload_config *a, const struct reload_config *b);

/* How far a multicast group reaches; NONE: it is no group, or one that leaves the site. */
enum reload_group_scope {
	RELOAD_GROUP_NONE,
	RELOAD_GROUP_LINK,
	RELOAD_GROUP_SITE
};

/* reload_group_scope() returns how far what is sent to that address may go. */
enum reload_group_scope reload_group_scope(const struct reload_ip_port *group);

/* reload_overlay_name_valid(): a DNS name by RFC 1035 s2.3.1 (R-6.3.2-03). */
bool reload_overlay_name_valid(const char *name);
