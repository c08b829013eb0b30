/* Changes of an overlay's configuration document by its authority: config set, config add-kind, revoke. */
#pragma once

#include "config/edit.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/keypair.h"

/* One change, between opening and closing. */
struct enroll_change {
	struct cli *cli; /* NULL: it is not open */
	reload_utc now;
	struct enroll_authority authority;
	struct reload_config_edit *edit;
	struct enroll_keypair own; /* of the configuration-signer */
	char *passphrase;          /* of the keys of the authority; NULL: none was needed */
	struct reload_cert *cert, **others;
	size_t others_count;
	struct reload_config_signer signer;
	json_t *changes;         /* list of {what, before, after}, for the report */
	bool ledger_changed;     /* authority.ledger is to be written as well */
	struct cli_files *files; /* written together with the document; a command may put more */
	struct wr document;
	struct reload_config *config; /* the new document, once it was made */
};

/*
 * enroll_change_open() opens the authority of --overlay (of user's domain when that is missing and user is not NULL) and its
 * signer.  A document that has expired can be changed, so that it can be extended.  enroll_change_end() ends it.
 * enroll_change_open_overlay() does so with an overlay that is known; enroll_change_release() ends it without a change, zeroed is legal.
 */
enum reload_err enroll_change_open(struct enroll_change *out, struct cli *cli, const char *user,
	struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_change_open_overlay(struct enroll_change *out, struct cli *cli,
	const char *overlay, struct reload_error_text *why) MUST_CHECK;
void enroll_change_release(struct enroll_change *change);

/* enroll_change_note() notes for the report what was changed; before and after may be NULL. */
void enroll_change_note(
	struct enroll_change *change, const char *what, const char *before, const char *after);

/*
 * What a command changes in the accounts it begins itself (accounts_begin()); it is kept together with the document.
 * enroll_change_end() ends a change (zeroed is legal with err), and returns the exit status of the program.  err says how it went so far, with why.  If all is well the new document
 * is signed and checked as `config check` does; it asks when peers would have to leave because of it, replaces document and ledger together, and
 * prints what was changed; enroll_change_fields are the fields of that result.  With --dry-run nothing is written.
 */
int enroll_change_end(struct enroll_change *change, struct cli *cli, enum reload_err err,
	struct reload_error_text *why);
extern const char enroll_change_fields[];

/* The subcommands; each returns the exit status. */
int enroll_config_set(struct cli *cli);
int enroll_config_add_kind(struct cli *cli);
int enroll_config_grant(struct cli *cli);
int enroll_config_add_root(struct cli *cli);
int enroll_config_remove_root(struct cli *cli);
int enroll_config_add_signer(struct cli *cli);
int enroll_config_remove_signer(struct cli *cli);
int enroll_config_plan(struct cli *cli);
int enroll_config_publish(struct cli *cli);
int enroll_revoke(struct cli *cli);
int enroll_user_enable(struct cli *cli);
int enroll_user_disable(struct cli *cli);
int enroll_user_list(struct cli *cli);
extern const char enroll_user_fields[];
extern const char enroll_users_fields[];
extern const char enroll_plan_fields[];
extern const char enroll_publish_fields[];
