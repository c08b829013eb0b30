/* What the files of this room share: the document as a tree, its form, and how a fault is reported. */
#pragma once

#include "config/config.h"
#include "config/lexical.h"

#define RELOAD_XMLNS_BASE        "urn:ietf:params:xml:ns:p2p:config-base"
#define RELOAD_XMLNS_CHORD       "urn:ietf:params:xml:ns:p2p:config-chord"
#define RELOAD_XMLNS_REDIR       "urn:ietf:params:xml:ns:p2p:redir"
#define RELOAD_XMLNS_SIP         "urn:ietf:params:xml:ns:p2p:config-base:sip"
#define RELOAD_XMLNS_DIAGNOSTICS "urn:ietf:params:xml:ns:p2p:config-diagnostics"
#define RELOAD_XMLNS_SELF_TUNING "urn:ietf:params:xml:ns:p2p:self-tuning"
#define RELOAD_XMLNS_OWN                                                                           \
	"urn:x-reload:config" /* extensions of this program, which others leave unread */

enum {
	RELOAD_XML_DEPTH_MAX = 32,
	RELOAD_XML_ELEMENTS_MAX = 8192,
	RELOAD_XML_ATTRIBUTES_MAX = 64, /* of one element, declarations of namespaces included */
	RELOAD_CONFIG_SIGNATURES_MAX =
		16, /* of one configuration element: each costs a chain check */
	RELOAD_CONFIG_WARNINGS_MAX = 64, /* further ones are dropped */
};

struct reload_xml_attribute {
	const char *ns, *name, *value; /* ns: "" when it is in none */
};

/*
 * An element.  bytes run from `<` of the start tag to `>` of the end tag as they came: signatures are made over them.  line
 * is the one on which the start tag ends.
 */
struct reload_xml_node {
	struct span bytes;
	const char *ns, *name; /* ns: "" when it is in none */
	const char *text;      /* its character data, the pieces around children joined */
	const struct reload_xml_attribute *attributes;
	size_t attributes_count;
	struct reload_xml_node *children, *next; /* first child, next sibling */
	size_t line;
};

/*
 * A document as a tree.  An element of a namespace that is none of RFC 6940, RFC 7904, RFC 7851 and our own is there without its attributes and
 * children; its text is all character data inside it.
 */
struct reload_xml {
	struct reload_arena arena;
	struct reload_xml_node *root;
	bool encoding_declared;
};

/*
 * reload_xml_open() parses text, which must outlive x: well-formed XML with namespaces, in UTF-8, without a document type
 * and so without entities of its own.  Whether it has the form of a configuration document is for reload_form_check().
 * RELOAD_BAD_CONFIG with why; x needs no clearing then.
 */
enum reload_err reload_xml_open(
	struct reload_xml *x, struct span text, struct reload_error_text *why) MUST_CHECK;
void reload_xml_clear(struct reload_xml *x);

/* reload_xml_is() returns whether node is the element name of namespace ns; any element of it when name is NULL. */
bool reload_xml_is(const struct reload_xml_node *node, const char *ns, const char *name);

/*
 * reload_xml_is_foreign() returns whether ns is neither empty nor one of the namespaces of RFC 6940 s11.1.  reload_xml_is_kept() returns whether the tree
 * has the attributes and children of its elements: those namespaces, those of RFC 7904 and RFC 7851, and our own.
 */
bool reload_xml_is_foreign(const char *ns);
bool reload_xml_is_kept(const char *ns);

/* reload_xml_child() returns the first child of parent with that name in the base namespace, or NULL. */
const struct reload_xml_node *reload_xml_child(
	const struct reload_xml_node *parent, const char *name);

/* reload_xml_text() returns a copy of node's text without white space around it (owned, CFG-06). */
char *reload_xml_text(const struct reload_xml_node *node);

/* reload_xml_attr() returns a copy of the value of an attribute in no namespace (owned), NULL when it is absent. */
char *reload_xml_attr(const struct reload_xml_node *node, const char *name);

/*
 * reload_form_check() returns whether the document has the form that the grammar of RFC 6940 s11.1.1 describes: which elements
 * and attributes stand where, how often, and how their values are written.  It decides as the RELAX NG grammar of schema.h
 * does.  RELOAD_BAD_CONFIG with the line in why.
 */
enum reload_err reload_form_check(
	const struct reload_xml *x, struct reload_error_text *why) MUST_CHECK;

/* reload_text_trim() takes white space off both ends of text, in place, and returns it. */
char *reload_text_trim(char *text);

/* reload_text_number() reads decimal digits with an optional + before them; false when out of min..max. */
bool reload_text_number(uint64_t *out, const char *text, uint64_t min, uint64_t max);

/*
 * reload_utc_parse() reads "2044-01-01T00:00:00Z", with an optional fraction of a second; any offset but Z is refused
 * (R-11.1-10).  RELOAD_BAD_VALUE; for years before 1970 as well.
 */
enum reload_err reload_utc_parse(reload_utc *out, const char *text) MUST_CHECK;

/* reload_xml_fault() fills why with "line N: ..." for node (NULL: no line) and the hint (NULL: none), and returns err. */
enum reload_err reload_xml_fault(struct reload_error_text *why, enum reload_err err,
	const struct reload_xml_node *node, const char *hint, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/* reload_xml_fault_line() is the same for a line number (0: none). */
enum reload_err reload_xml_fault_line(struct reload_error_text *why, enum reload_err err,
	size_t line, const char *hint, const char *fmt, ...) __attribute__((format(printf, 5, 6)));

/* reload_strings_add() appends a copy of text. */
void reload_strings_add(struct reload_string_list *list, const char *text);
void reload_strings_clear(struct reload_string_list *list);

/* reload_config_warn() adds a warning; at RELOAD_CONFIG_WARNINGS_MAX it is dropped. */
void reload_config_warn(struct reload_config *config, const char *fmt, ...)
	__attribute__((format(printf, 2, 3)));

/*
 * reload_config_unsupported() notes in config the first reason why this program cannot be a member by it; the arguments are those of
 * reload_xml_fault().
 */
void reload_config_unsupported(struct reload_config *config, const struct reload_xml_node *node,
	const char *hint, const char *fmt, ...) __attribute__((format(printf, 4, 5)));

/* reload_config_unbase64() reads the base64 text of node into *out, bytes of arena.  RELOAD_BAD_CONFIG. */
enum reload_err reload_config_unbase64(struct span *out, struct reload_arena *arena,
	const struct reload_xml_node *node, struct reload_error_text *why) MUST_CHECK;

/* reload_config_read() fills config from its element: all but Kinds and signatures.  RELOAD_BAD_CONFIG with why. */
enum reload_err reload_config_read(struct reload_config *config,
	const struct reload_xml_node *element, const struct reload_ident_ops *ops,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_grants_read() reads who may read which diagnostic Kinds (RFC 7851 s7).  An entry that cannot be read, and all of them when the document
 * does not declare the extension, give a warning and grant nothing.  RELOAD_BAD_CONFIG above RELOAD_CONFIG_GRANTS_MAX.
 */
enum reload_err reload_grants_read(struct reload_config *config,
	const struct reload_xml_node *element, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_grant_kind() and reload_grant_node() read the Kind of a diagnostic-kind, and the node of an access-node; false: it has none that can be
 * read.
 */
bool reload_grant_kind(uint16_t *out, const struct reload_xml_node *node);
bool reload_grant_node(struct reload_id *out, const struct reload_config *config,
	const struct reload_xml_node *node);

/* reload_grants_declared() returns whether the document declares the extension of RFC 7851. */
bool reload_grants_declared(const struct reload_config *config);

struct reload_config_edit;

/*
 * What the files of a change share: reload_edit_present() is the document before it and reload_edit_element() its configuration element (both
 * borrowed); reload_edit_append() returns where text is appended to that element, and reload_edit_cut() removes an element.
 * reload_edit_put() appends an element of the base namespace.  reload_edit_splice() returns the text that takes the place of len bytes at an
 * offset, reload_edit_offset() the offset of bytes of the document.  reload_edit_prefixed(): its elements have a prefix.
 */
const struct reload_config *reload_edit_present(const struct reload_config_edit *edit);
const struct reload_xml_node *reload_edit_element(const struct reload_config_edit *edit);
struct wr *reload_edit_append(struct reload_config_edit *edit);
void reload_edit_cut(struct reload_config_edit *edit, const struct reload_xml_node *node);
void reload_edit_put(struct reload_config_edit *edit, const char *name, const char *value);
struct wr *reload_edit_splice(struct reload_config_edit *edit, size_t at, size_t len);
size_t reload_edit_offset(const struct reload_config_edit *edit, const uint8_t *at);
bool reload_edit_prefixed(const struct reload_config_edit *edit);

/*
 * reload_kind_read() reads a kind element (RFC 6940 s11.1); what is unusual becomes a warning of config.  RELOAD_BAD_CONFIG with
 * the line in why; RELOAD_UNKNOWN_TYPE for a registered Kind, a data model or a policy that this program does not know.
 */
enum reload_err reload_kind_read(struct reload_kind *kind, struct reload_config *config,
	const struct reload_xml_node *node, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_kind_block_read() reads one kind-block and verifies its signature against the kind-signers and the trust of
 * config; kind->block borrows from the text.  RELOAD_BAD_CONFIG for its form, RELOAD_BAD_SIGNATURE for its signature,
 * RELOAD_UNKNOWN_TYPE as reload_kind_read().
 */
enum reload_err reload_kind_block_read(struct reload_kind *kind, struct reload_config *config,
	const struct reload_xml_node *block, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;

/* reload_kind_name_read() reads the element with the name of kind, of our namespace.  RELOAD_BAD_CONFIG with why. */
enum reload_err reload_kind_name_read(struct reload_kind *kind, const struct reload_xml_node *node,
	struct reload_error_text *why) MUST_CHECK;

/*
 * reload_branching_read() reads the branching-factor among the children of a kind or configuration element; without one *out stays.
 * RELOAD_BAD_CONFIG with why when it is not a number from 2 to 65536, or there twice.
 */
enum reload_err reload_branching_read(uint32_t *out, const struct reload_xml_node *parent,
	struct reload_error_text *why) MUST_CHECK;
/* reload_config_address() reads an address without brackets and port (CFG-12); false: it is none. */
bool reload_config_address(struct reload_ip_port *out, const char *text);

/* reload_multicast_read() reads the multicast-bootstrap elements of a configuration element.  RELOAD_BAD_CONFIG with why. */
enum reload_err reload_multicast_read(struct reload_config *c,
	const struct reload_xml_node *element, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_self_tuning_read() sets peers_to_probe, and warns of settings that CHORD-SELF-TUNING does not heed or cannot do without (RFC 7363 s7).
 * RELOAD_BAD_CONFIG, why filled.
 */
enum reload_err reload_self_tuning_read(struct reload_config *c,
	const struct reload_xml_node *element, struct reload_error_text *why);

/*
 * reload_kind_domains_read() reads the restriction of domains (RFC 7904 s3.4) among the children of a kind or configuration element;
 * without one kind stays as it is.  overlay is the overlay name.  RELOAD_BAD_CONFIG with why.
 */
enum reload_err reload_kind_domains_read(struct reload_kind *kind, struct reload_arena *arena,
	const struct reload_xml_node *parent, const char *overlay,
	struct reload_error_text *why) MUST_CHECK;

/* reload_kind_namesake() returns another Kind of the list that was given the same name, in whatever case; or NULL. */
const struct reload_kind *reload_kind_namesake(
	const struct reload_config_kind_list *kinds, const struct reload_kind *kind);

/* reload_kinds_put() inserts kind in ascending order of ids, or replaces the one with its id. */
void reload_kinds_put(struct reload_config_kind_list *kinds, const struct reload_kind *kind);

/* reload_kinds_add_always() adds the Kinds that work without a kind-block (CFG-11) where kinds lacks them. */
void reload_kinds_add_always(struct reload_config_kind_list *kinds, uint32_t max_message_size);

/*
 * reload_security_block_verify() checks that block (a SecurityBlock) signs element by one of the nodes of signers, whose
 * certificate chain ends at a root of trust; *signer is that node.  now 0: checked at the time the certificate begins.  Errors:
 * RELOAD_BAD_SIGNATURE, RELOAD_NO_SIGNER (its certificate is not there), RELOAD_CONFIG_UNSIGNED (another signer), or a
 * certificate's failure; why filled.
 */
enum reload_err reload_security_block_verify(struct reload_id *signer, struct span block,
	struct span element, const struct reload_id_list *signers, const struct reload_trust *trust,
	reload_utc now, struct reload_error_text *why) MUST_CHECK;

struct reload_config_signer;

/*
 * reload_config_put_address() appends the attributes of a bootstrap-node: the address
 * in the form of RFC 5952, without brackets, and the port.  reload_config_sign() appends the base64 SecurityBlock of signer over
 * bytes, the element alone (CFG-04); why filled.
 */
void reload_config_put_address(struct wr *w, const struct reload_ip_port *address);
enum reload_err reload_config_sign(struct wr *w, const struct reload_config_signer *signer,
	struct span bytes, struct reload_error_text *why) MUST_CHECK;
