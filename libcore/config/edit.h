/*
 * Changing a configuration document, as the authority of an overlay does: what is not changed stays byte for byte, elements of
 * other namespaces and the signed Kinds included; the result has the next sequence number and a new signature.
 */
#pragma once

#include "config/write.h"

struct reload_config_edit;

/*
 * reload_config_edit_new() begins a change of present, which stays borrowed until reload_config_edit_free().
 * RELOAD_BAD_CONFIG with why for a document that cannot be changed in place.
 */
enum reload_err reload_config_edit_new(struct reload_config_edit **out,
	const struct reload_config *present, struct reload_error_text *why) MUST_CHECK;
void reload_config_edit_free(struct reload_config_edit *edit);
AUTO_DEFINE(reload_config_edit)

/*
 * reload_config_edit_set() gives the parameter of that name (RFC 6940 s11.1, "initial-ttl") another value; bootstrap-node and
 * enrollment-server take a list separated by commas, self-signed-permitted sha1, sha256 or false.  An empty value removes the parameter, so
 * that its default applies.  The value itself is checked by reload_config_edit_write().  RELOAD_USAGE with why for a name
 * that is not one of reload_config_edit_key().
 */
enum reload_err reload_config_edit_set(struct reload_config_edit *edit, const char *key,
	const char *value, struct reload_error_text *why) MUST_CHECK;

/*
 * reload_config_edit_value() returns what the present document has under a name of reload_config_edit_key(), in the form that
 * reload_config_edit_set() takes (owned); NULL when it has nothing, so that the default applies.
 */
char *reload_config_edit_value(const struct reload_config_edit *edit, const char *key);

/* reload_config_edit_key() returns the i-th name that reload_config_edit_set() knows, NULL behind the last one. */
const char *reload_config_edit_key(size_t i);

/*
 * reload_config_edit_add_kind() adds the Kind of element ("<kind ...>...</kind>"), signed by signer; it replaces the one with the
 * same Kind-ID.  RELOAD_BAD_CONFIG with why for an element that is no Kind.
 */
enum reload_err reload_config_edit_add_kind(struct reload_config_edit *edit, const char *element,
	const struct reload_config_signer *signer, struct reload_error_text *why) MUST_CHECK;

/* reload_config_edit_add_bad_node() lists node as one whose certificate is not valid any more; false: it is listed already. */
bool reload_config_edit_add_bad_node(struct reload_config_edit *edit, const struct reload_id *node);

/*
 * reload_config_edit_grant() lets node, or with the wildcard every node, read a diagnostic Kind (RFC 7851 s7), and declares that extension when the
 * document does not; false: that is so already.  reload_config_edit_withdraw() takes it back; false: it was not so.
 */
bool reload_config_edit_grant(
	struct reload_config_edit *edit, uint16_t kind, const struct reload_id *node);
bool reload_config_edit_withdraw(
	struct reload_config_edit *edit, uint16_t kind, const struct reload_id *node);

/*
 * reload_config_edit_add_root() adds a root-cert in DER; false: it is there.  reload_config_edit_remove_root() removes one; false: it is not
 * there.  reload_config_edit_add_signer() lets node sign documents and Kinds, reload_config_edit_remove_signer() takes that back;
 * false: nothing would change.
 */
bool reload_config_edit_add_root(struct reload_config_edit *edit, struct span der);
bool reload_config_edit_remove_root(struct reload_config_edit *edit, struct span der);
bool reload_config_edit_add_signer(struct reload_config_edit *edit, const struct reload_id *node);
bool reload_config_edit_remove_signer(
	struct reload_config_edit *edit, const struct reload_id *node);

/*
 * reload_config_edit_sign_kinds() signs each Kind of the document anew that another than signer has signed, so that it does not go with
 * that one.  RELOAD_BAD_CONFIG with why.
 */
enum reload_err reload_config_edit_sign_kinds(struct reload_config_edit *edit,
	const struct reload_config_signer *signer, struct reload_error_text *why) MUST_CHECK;

/* reload_config_edit_expires() sets when the document expires; without it that stays. */
void reload_config_edit_expires(struct reload_config_edit *edit, reload_utc expiration);

/*
 * reload_config_edit_write() appends the changed document with the next sequence number (that of 65534 is 0), signed by
 * signer.  Before it returns success it reads the document back and checks that a node which has the present one would take it.
 */
enum reload_err reload_config_edit_write(struct wr *w, struct reload_config_edit *edit,
	const struct reload_config_signer *signer, reload_utc now,
	struct reload_error_text *why) MUST_CHECK;
