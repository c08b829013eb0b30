/* What the subcommands of reload-enroll share: the local authority and the identities that it fills. */
#pragma once

#include "common/identity.h"
#include "common/main.h"
#include "config/write.h"

enum {
	ENROLL_DAY_MS = 86400000
};
/* clocks of other nodes may be behind by that: certificates begin so much earlier */
#define ENROLL_BACKDATED_MS    ((reload_ms)300000)
#define ENROLL_NODE_VALIDITY   ((reload_ms)90 * ENROLL_DAY_MS)
#define ENROLL_CONFIG_VALIDITY ((reload_ms)365 * ENROLL_DAY_MS)
#define ENROLL_CA_VALIDITY     ((reload_ms)1825 * ENROLL_DAY_MS)
#define ENROLL_VALIDITY_MAX    ((reload_ms)36500 * ENROLL_DAY_MS)

/* The subcommands; each returns the exit status. */
int enroll_init(struct cli *cli);
int enroll_issue(struct cli *cli);
int enroll_self(struct cli *cli);
int enroll_show(struct cli *cli);
int enroll_kind(struct cli *cli);
int enroll_config_show(struct cli *cli);
int enroll_config_check(struct cli *cli);

/* enroll_join() returns a/b (owned). */
char *enroll_join(const char *a, const char *b);

/* enroll_validity() reads --validity: 1 s to 100 years, otherwise when it was not given. */
enum reload_err enroll_validity(const struct cli *cli, reload_ms otherwise, reload_ms *out,
	struct reload_error_text *why) MUST_CHECK;

/* enroll_now() is the present time in whole seconds, as certificates have it. */
reload_utc enroll_now(void);

/*
 * enroll_user_check() refuses what cannot be a user name: RELOAD_EXISTS, as username_not_available, for characters that
 * are not legal (R-11.3-19), RELOAD_USAGE for what is not NAME@DOMAIN. enroll_user_warn() warns of upper case: user
 * names are compared byte by byte (interop STO-23).
 */
enum reload_err enroll_user_check(const char *user, struct reload_error_text *why) MUST_CHECK;
void enroll_user_warn(struct cli *cli, const char *user);

/*
 * enroll_overlay() returns (owned) the overlay that is meant: --overlay, $RELOAD_OVERLAY, the domain of user, else the
 * only one whose directory holds the file `within`.  RELOAD_USAGE with the list when there are several, and when user is of another
 * domain than the only one; RELOAD_BAD_CONFIG when there is none.
 */
enum reload_err enroll_overlay(char **out, const struct cli *cli, const char *user,
	const char *within, struct reload_error_text *why) MUST_CHECK;

/* enroll_domain_warn() warns of a user name of another domain than the overlay, which is allowed (RFC 6940 s11.3). */
void enroll_domain_warn(struct cli *cli, const char *user, const char *overlay);

/* enroll_serial() and enroll_node_id() return random numbers; a Node-ID is neither all zeroes nor all ones. */
void enroll_serial(uint8_t serial[16]);
void enroll_node_id(struct reload_id *out, uint8_t len);

/* enroll_pem() returns a DER certificate as PEM (owned string). */
char *enroll_pem(struct span der);

/* A local authority; zeroed is empty. */
struct enroll_authority {
	char *overlay, *dir, *config_path;
	int lock; /* descriptor, held until the end */
	struct reload_cert *cert;
	struct reload_key *key; /* NULL until enroll_authority_key() */
	struct reload_config *config;
	struct accounts *accounts;
};

/*
 * enroll_authority_open() locks and reads the authority of overlay; enroll_authority_close() ends it.  Failures exit
 * with 10, a lock that another program holds with 4.
 */
enum reload_err enroll_authority_open(struct enroll_authority *out, const char *overlay,
	reload_ms deadline, reload_utc now, struct reload_error_text *why) MUST_CHECK;
/*
 * enroll_authority_read() does so for a server: without the lock, as it only changes accounts, and also when certificate or document have
 * expired.
 */
enum reload_err enroll_authority_read(struct enroll_authority *out, const char *overlay,
	struct reload_error_text *why) MUST_CHECK;
void enroll_authority_close(struct enroll_authority *authority);

/*
 * enroll_authority_key() reads the key, with which certificates are made; one that is encrypted is opened with *passphrase, which is asked for
 * when it is NULL (passphrase.h).
 */
enum reload_err enroll_authority_key(struct enroll_authority *authority, struct cli *cli,
	char **passphrase, struct reload_error_text *why) MUST_CHECK;

/* One of a user's devices: known by Node-IDs that it has; without any, the user's first; further: one that is new. */
struct enroll_device {
	const struct reload_id *own;
	size_t own_count;
	bool further;
};

/*
 * The ledger, in the accounts of the authority: what changes it is called between accounts_begin() and accounts_keep().
 * enroll_ledger_new() returns (owned) the file with which that of a new authority begins, in which signer's Node-ID is taken, and enroll_ledger_text() its text
 * (owned).
 * enroll_ledger_node_ids() fills ids with `count` Node-IDs for a device of user (0: as many as its last certificate has, else
 * one): those of its earlier certificates first (ENR-06), then new ones.  RELOAD_EXISTS for the name of the signer,
 * RELOAD_CERT_REVOKED for a disabled user.
 * enroll_ledger_note() enters a certificate.  enroll_ledger_reserve() enters a further Node-ID of user, who signs configurations and gets no certificates.
 */
json_t *enroll_ledger_new(
	const char *overlay, const char *signer_user, const struct reload_id *signer);
char *enroll_ledger_text(const json_t *ledger);
enum reload_err enroll_ledger_node_ids(struct enroll_authority *authority, const char *user,
	const struct enroll_device *device, size_t *count,
	struct reload_id ids[RELOAD_CERT_NODE_IDS_MAX], struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_ledger_note(struct enroll_authority *authority,
	const struct reload_cert *cert, const uint8_t serial[16],
	struct reload_error_text *why) MUST_CHECK;
enum reload_err enroll_ledger_reserve(struct enroll_authority *authority, const char *user,
	const struct reload_id *node, struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_ledger_owner() returns (owned) the user who has or had node, NULL: nobody.  enroll_ledger_issuer() writes the SHA-256 fingerprint in
 * hex of the authority that issued the newest certificate of node; false: not known.
 * enroll_ledger_revoke() takes node from user for ever; a user who has no other is disabled.
 */
char *enroll_ledger_owner(const struct enroll_authority *authority, const struct reload_id *node);
bool enroll_ledger_issuer(
	const struct enroll_authority *authority, const struct reload_id *node, char out[65]);
enum reload_err enroll_ledger_revoke(struct enroll_authority *authority, const char *user,
	const struct reload_id *node, struct reload_error_text *why) MUST_CHECK;

/* What a certificate is made with: the public key of a request (csr), else of key; by authority, NULL: self-signed. */
struct enroll_certify {
	const struct reload_config *config;
	const struct enroll_authority *authority;
	const struct reload_key *key;
	struct span csr;
	reload_utc now;
	bool bad_csr; /* out: the request is at fault */
};

/*
 * enroll_certify() makes the certificate of req, which begins ENROLL_BACKDATED_MS ago, within the validity of the authority's, and checks it as every node would.  *out may be set
 * on failure as well, and is to be freed.
 */
enum reload_err enroll_certify(struct reload_cert **out, struct reload_cert_request *req,
	struct enroll_certify *with, struct reload_error_text *why) MUST_CHECK;

/* The identity that a certificate is for; zeroed is empty. */
struct enroll_target {
	char *name, *dir, *cert_path, *key_path, *config_path;
	struct reload_key *key; /* NULL when a request brought the public key */
	bool key_is_new;
	int lock; /* descriptor, held until the end */
	/* the Node-IDs of the certificate of the same kind that is there */
	struct reload_id own[RELOAD_CERT_NODE_IDS_MAX];
	size_t own_count;
};

/*
 * enroll_target_open() looks at the identity called --identity, else like user: RELOAD_EXISTS when it belongs to somebody
 * else.  Unless without_key, key is the one that is there or a new one; asks before it gives up an old key or turns a
 * certificate of an authority into a self-signed one or the reverse.  enroll_target_close() ends it.
 */
enum reload_err enroll_target_open(struct enroll_target *out, struct cli *cli, const char *user,
	const char *overlay, bool self_signed, bool without_key,
	struct reload_error_text *why) MUST_CHECK;
void enroll_target_close(struct enroll_target *target);

/* enroll_target_save() puts certificate, key and configuration (NULL: the one that is there stays) into files; the caller commits. */
enum reload_err enroll_target_save(struct enroll_target *target, struct cli_files *files,
	const struct reload_cert *cert, const struct reload_config *config,
	struct reload_error_text *why) MUST_CHECK;

/*
 * enroll_self_again() makes the self-signed certificate of the identity --identity anew (*out is owned), with the key, user, number of
 * Node-IDs and validity of old, and writes it, unless with --dry-run.  RELOAD_USAGE for a new key, and the errors of the functions above.
 */
enum reload_err enroll_self_again(struct reload_cert **out, struct cli *cli,
	const struct reload_cert *old, const struct reload_config *config,
	struct reload_error_text *why) MUST_CHECK;

/* enroll_report() prints a new certificate; target NULL: for standard output, as PEM. */
extern const char enroll_issued_fields[];
void enroll_report(struct cli *cli, const struct enroll_target *target,
	const struct reload_cert *cert, const uint8_t serial[16], bool self_signed);

/* enroll_config_json() returns all of a configuration (owned); enroll_config_text() prints that for people. */
json_t *enroll_config_json(const struct reload_config *config, const char *path, bool verified);
void enroll_config_text(FILE *out, const json_t *object, void *arg);
extern const char enroll_config_fields[];
extern const char enroll_kind_fields[];

/* enroll_complete() offers access policies when what is "policies", users of identities when it is "users". */
void enroll_complete(struct cli *cli, const char *what, const struct cli_typed *typed);

/* What --services asks of a new overlay; providers 0: it was not given. */
struct enroll_services {
	uint32_t providers;      /* expected, of one service */
	uint32_t records;        /* of the fullest tree node, at rest */
	uint32_t message_size;   /* that an answer with all of them needs */
	struct reload_kind kind; /* REDIR */
};

/*
 * enroll_shared_secret() reads --shared-secret (*out is owned, to be freed by cli_password_free(); NULL when it was not given); RELOAD_USAGE with why.
 */
enum reload_err enroll_shared_secret(
	char **out, struct cli *cli, struct reload_error_text *why) MUST_CHECK;

/* enroll_wrong() explains why the value of an option of init is not possible, and returns RELOAD_USAGE. */
enum reload_err enroll_wrong(
	struct reload_error_text *why, const char *option, const char *value, const char *cause);

/* What a draft borrows. */
struct enroll_bootstrap {
	struct reload_ip_port *nodes; /* owned */
	struct reload_ip_port groups[RELOAD_CONFIG_GROUPS_MAX];
};

/* enroll_bootstrap_read() reads --bootstrap and --multicast-bootstrap into draft, which borrows from b; RELOAD_USAGE with why. */
enum reload_err enroll_bootstrap_read(struct enroll_bootstrap *b, const struct cli *cli,
	struct reload_config_draft *draft, struct reload_error_text *why) MUST_CHECK;

/* enroll_services_read() reads --services N; RELOAD_USAGE with why. */
enum reload_err enroll_services_read(
	struct enroll_services *s, const struct cli *cli, struct reload_error_text *why) MUST_CHECK;

/* enroll_services_json() returns the member "services" of the result of init (owned); enroll_services_print() prints it. */
json_t *enroll_services_json(const struct enroll_services *s);
void enroll_services_print(FILE *out, const json_t *result);

/*
 * With ICE: by these records nodes behind NATs find a TURN server (RFC 6940 s9).  A server stores ENROLL_TURN_DENSITY of them, so that
 * about one Find in four meets one (a record has three holders) where one peer in a hundred has a server.
 */
extern const struct reload_kind enroll_turn_kind;
enum {
	ENROLL_TURN_DENSITY = 10
};

/*
 * enroll_message_size() is the max-message-size for a document of len bytes: a ConfigUpdate is a message, with header,
 * lists, signature and certificates around it, and the document will grow (interop CFG-15).
 */
enum {
	ENROLL_UPDATE_OVERHEAD = RELOAD_CONFIG_UPDATE_OVERHEAD,
	/*
	 * the initial-ttl of a new document: log2(N) + 5 of RFC 6940 s13.6.5 for 33 million peers; a low value ends
	 * loops early
	 */
	ENROLL_INITIAL_TTL = 30
};
size_t enroll_message_size(size_t len);

/*
 * enroll_sip_kind() makes the element of the Kind SIP-REGISTRATION with the patterns of --sip-domain (owned); *element is NULL when a --kind file
 * has defined it, which goes with no pattern.  RELOAD_USAGE with why.
 */
enum reload_err enroll_sip_kind(char **element, const struct cli *cli, bool defined,
	struct reload_error_text *why) MUST_CHECK;

/* enroll_ids_json() returns a list of Node-IDs in hex (owned). */
json_t *enroll_ids_json(const struct reload_id *ids, size_t count);

/* -- diagnostics.c --------------------------------------------------------------------------------------- */

enum {
	ENROLL_GRANTS = 16 /* one for each Kind of RFC 7851 */
};

/*
 * enroll_diagnostics_read() checks --diagnostics; *out is ENROLL_GRANTS entries (owned) without contents, or stays NULL when nobody may read
 * them.  RELOAD_USAGE.  enroll_diagnostics_grant() fills them in, for every node or for signer; NULL is legal.
 */
enum reload_err enroll_diagnostics_read(struct reload_diagnostic_grant **out, const struct cli *cli,
	struct reload_error_text *why) MUST_CHECK;
void enroll_diagnostics_grant(struct reload_diagnostic_grant *grants, const struct cli *cli,
	const struct reload_id *signer);
