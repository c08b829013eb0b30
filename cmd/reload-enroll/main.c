/* reload-enroll: create an overlay, issue certificates, look at certificates and configurations. */
#include "reload-enroll/change.h"
#include "reload-enroll/enroll.h"
#include "reload-enroll/serve_command.h"

static const struct cli_opt init_opts[] = {
	{ 0, "bootstrap", "ADDR[:PORT]", "bootstrap node of the configuration, port 6084", true },
	{ 0, "multicast-bootstrap", "GROUP:PORT",
		"where nodes of one local network may ask for a bootstrap node", true },
	{ 0, "algorithm", "NAME",
		"CHORD-SELF-TUNING sets its own intervals (default CHORD-RELOAD)" },
	{ 0, "node-id-length", "BYTES", "16 to 20; both algorithms need 16" },
	{ 0, "self-signed", "sha1|sha256", "permit self-signed certificates, with that digest" },
	{ 0, "shared-secret", "FILE", "only who knows its first line can make links (TLS-PSK)" },
	{ 0, "ice", NULL, "links go through NATs by ICE, with the help of TURN servers" },
	{ 0, "kind", "FILE", "a further Kind: a file with a kind element", true },
	{ 0, "sip-domain", "PATTERN", "only AORs of domains that match may be registered", true },
	{ 0, "services", "N",
		"nodes offer services, N of them each, and others find them (ReDiR)" },
	{ 0, "max-message-size", "SIZE", "bytes of a message (default: what the document needs)" },
	{ 0, "diagnostics", "users|signers|none",
		"who may read diagnostics of nodes: every user, signers of configurations, nobody "
		"(default)" },
	{ 0, "enrollment-server", "URL", "https URL of an enrollment server", true },
	{ 0, "validity", "TIME", "of the configuration (default 365d)" },
	{ 0, "ca-cert", "FILE", "an authority that exists, instead of a new one" },
	{ 0, "ca-key", "FILE", "its private key" },
	{ 0, "passphrase-file", "FILE",
		"encrypt the authority's keys; its first line is the passphrase" },
	CLI_END,
};

static const struct cli_opt issue_opts[] = {
	{ 'I', "identity", "NAME", "where certificate and key go (default: USER up to the @)" },
	{ 0, "node-ids", "N", "number of Node-IDs, 1 to 32 (default: as before, else 1)" },
	{ 0, "new-node-id", NULL, "a further device of the user, with a Node-ID of its own" },
	{ 0, "validity", "TIME", "of the certificate (default 90d)" },
	{ 0, "csr", "FILE",
		"certify the key of a PKCS#10 request; without --identity: to standard output" },
	{ 0, "key", "p256|rsa2048|rsa3072", "make a new key of that type (default p256)" },
	{ 0, "passphrase-file", "FILE",
		"its first line opens the authority's keys (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt self_opts[] = {
	{ 'I', "identity", "NAME", "where certificate and key go (default: USER up to the @)" },
	{ 0, "node-ids", "N", "number of Node-IDs, 1 to 32 (default 1)" },
	{ 0, "validity", "TIME", "of the certificate (default 90d)" },
	{ 0, "key", "p256|rsa2048|rsa3072", "make a new key of that type (default p256)" },
	{ 0, "config", "FILE", "overlay configuration document (default: that of the overlay)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt show_opts[] = {
	{ 0, "config", "FILE", "configuration by which certificates are judged" },
	CLI_END,
};

static const struct cli_opt kind_opts[] = {
	{ 0, "id", "N", "number of the Kind, decimal or 0x: 0xf0000001 to 0xfffffffd" },
	{ 0, "model", "single|array|dictionary", "how values lie at a resource" },
	{ 0, "access", "POLICY",
		"who may store: user-match, node-match, user-node-match, node-multiple" },
	{ 0, "max-count", "N", "values at a resource (default 16, single: 1)" },
	{ 0, "max-size", "SIZE", "bytes of a value (default 1024)" },
	{ 0, "max-node-multiple", "N", "places of each node, for node-multiple" },
	{ 'o', "output", "FILE", "where the Kind goes (default: standard output)" },
	CLI_END,
};

static const struct cli_opt config_opts[] = {
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here or in the document" },
	CLI_END,
};

static const struct cli_opt set_opts[] = {
	{ 0, "validity", "TIME", "let the document expire that long from now" },
	{ 0, "passphrase-file", "FILE",
		"its first line opens the authority's keys (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt grant_opts[] = {
	{ 0, "remove", NULL, "take back what was granted" },
	{ 0, "passphrase-file", "FILE",
		"its first line opens the authority's keys (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt root_opts[] = {
	{ 0, "validity", "TIME", "of the new authority or signer (default 1825d)" },
	{ 0, "passphrase-file", "FILE",
		"its first line opens the authority's keys (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt change_opts[] = {
	{ 0, "passphrase-file", "FILE",
		"its first line opens the authority's keys (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt serve_opts[] = {
	{ 'l', "listen", "ADDR[:PORT]", "where to listen (default 127.0.0.1:8443)" },
	{ 0, "tls-cert", "FILE", "certificate of the HTTPS server, with its chain, in PEM" },
	{ 0, "tls-key", "FILE", "its private key in PEM" },
	{ 0, "users", "FILE|URL", "keep the users there from now on: a file, or postgresql://..." },
	{ 0, "passphrase-file", "FILE",
		"its first line opens the authority's keys (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt request_opts[] = {
	{ 'I', "identity", "NAME", "where certificate and key go (default: USER up to the @)" },
	{ 0, "url", "URL", "fetch the configuration there" },
	{ 0, "config", "FILE", "the configuration (default: that of the overlay)" },
	{ 0, "overlay", "OVERLAY", "its name (default: the domain of USER)" },
	{ 0, "password-file", "FILE", "its first line is the password (default: ask)" },
	{ 0, "ca-file", "FILE", "whom to trust for HTTPS (default: as the system does)" },
	{ 0, "node-ids", "N", "number of Node-IDs, 1 to 32 (default 1)" },
	{ 0, "key", "p256|rsa2048|rsa3072", "make a new key of that type (default p256)" },
	CLI_END,
};

static const struct cli_opt renew_opts[] = {
	{ 'I', "identity", "NAME", "what to renew" },
	{ 0, "if-left", "TIME", "only when the certificate ends within that time" },
	{ 0, "password-file", "FILE", "its first line is the password (default: ask)" },
	{ 0, "ca-file", "FILE", "whom to trust for HTTPS (default: as the system does)" },
	{ 0, "key", "p256|rsa2048|rsa3072", "make a new key of that type" },
	CLI_END,
};

static const struct cli_opt fetch_opts[] = {
	{ 'I', "identity", "NAME", "whose document is to be the newest" },
	{ 0, "url", "URL", "fetch it there (default: as the identity got its first one)" },
	{ 0, "ca-file", "FILE", "whom to trust for HTTPS (default: as the system does)" },
	{ 0, "as-new", NULL, "trust the server alone, whoever has signed the document" },
	CLI_END,
};

static const struct cli_opt invite_opts[] = {
	{ 0, "server", "HOST[:PORT]", "where clients reach the enrollment server" },
	{ 0, "tls-cert", "FILE", "certificate of that server: its key is in the invitation" },
	{ 0, "for", "USER", "only this user (default: whoever accepts it names one)" },
	{ 0, "uses", "N", "how often it can be accepted, 1 to 1000 (default 1)" },
	{ 0, "validity", "TIME", "how long it can be accepted (default 7d)" },
	{ 0, "qr", NULL, "also draw it as a QR code" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt accept_opts[] = {
	{ 'I', "identity", "NAME", "where certificate and key go (default: USER up to the @)" },
	{ 0, "key", "p256|rsa2048|rsa3072", "make a new key of that type (default p256)" },
	CLI_END,
};

static const struct cli_opt account_opts[] = {
	{ 0, "password-file", "FILE", "its first line is the password (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt overlay_opts[] = {
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt backup_opts[] = {
	{ 0, "passphrase-file", "FILE", "its first line will open the backup (default: ask)" },
	{ 0, "overlay", "OVERLAY", "which overlay, when several are here" },
	CLI_END,
};

static const struct cli_opt restore_opts[] = {
	{ 0, "passphrase-file", "FILE", "its first line opens the backup (default: ask)" },
	CLI_END,
};

static const struct cli_opt common_opts[] = { CLI_COMMON, CLI_END };

static const char *const examples[] = {
	"reload-enroll init calls.example --bootstrap 127.0.0.1:7001",
	"reload-enroll issue alice@calls.example --identity alice",
	NULL,
};

static const char init_fields[] =
	"overlay:string algorithm:string node_id_length:integer links:string[] no_ice:boolean "
	"configuration:{path:string sequence:integer signed:boolean expires:string} "
	"authority:{path:string expires:string} signer:{user:string node_id:string expires:string} "
	"services:{providers:integer branching_factor:integer records:integer max_count:integer}? "
	"max_message_size:integer dry_run:boolean";

static const char show_fields[] = "items:{type:string name:string path:string user:string? "
				  "node_ids:string[] overlay:string? fingerprint:string? "
				  "issuer:string? self_signed:boolean? issued:string? "
				  "expires:string? days_left:integer? chain:string[] "
				  "sequence:integer? signed:boolean? no_ice:boolean? "
				  "key_fits:boolean? "
				  "problems:{severity:string what:string why:string? "
				  "try:string?}[] usable:boolean}[] usable:boolean";

static const struct cli_command commands[] = {
	{ "init", "OVERLAY", 1, 1, "create an overlay: authority and signed configuration",
		init_opts, init_fields, enroll_init },
	{ "issue", "USER", 1, 1, "the local authority issues a certificate", issue_opts,
		enroll_issued_fields, enroll_issue },
	{ "self", "USER", 1, 1, "make a self-signed identity, if the overlay permits it", self_opts,
		enroll_issued_fields, enroll_self },
	{ "show", "[FILE|NAME]", 0, 1, "names, Node-IDs, chain, dates and problems", show_opts,
		show_fields, enroll_show },
	{ "kind", "NAME", 1, 1, "write a Kind file for init --kind", kind_opts, enroll_kind_fields,
		enroll_kind },
	{ "config show", "[FILE|OVERLAY]", 0, 1, "what a configuration says", config_opts,
		enroll_config_fields, enroll_config_show },
	{ "config check", "[FILE|OVERLAY]", 0, 1, "whether a configuration may be used",
		config_opts, enroll_config_fields, enroll_config_check },
	{ "config set", "[KEY=VALUE ...]", 0, 64, "change parameters: next sequence, signed",
		set_opts, enroll_change_fields, enroll_config_set },
	{ "config add-kind", "FILE ...", 1, 64, "add Kinds, or change their limits", change_opts,
		enroll_change_fields, enroll_config_add_kind },
	{ "config grant", "KIND,... NODE-ID|users ...", 2, 64,
		"let nodes read diagnostic Kinds of all nodes", grant_opts, enroll_change_fields,
		enroll_config_grant },
	{ "config add-root", "[FILE ...]", 0, 16,
		"trust a new authority, or those of the files, beside the others", root_opts,
		enroll_change_fields, enroll_config_add_root },
	{ "config remove-root", "FINGERPRINT ...", 1, 16,
		"trust an authority no longer, nor whom it certified", change_opts,
		enroll_change_fields, enroll_config_remove_root },
	{ "config add-signer", "[NODE-ID ...]", 0, 16,
		"let a new key, or nodes, sign configurations", root_opts, enroll_change_fields,
		enroll_config_add_signer },
	{ "config remove-signer", "NODE-ID ...", 1, 16, "let a node sign configurations no longer",
		change_opts, enroll_change_fields, enroll_config_remove_signer },
	{ "config plan", "[FILE|OVERLAY]", 0, 1,
		"what publishing the document would cost, and whom", change_opts,
		enroll_plan_fields, enroll_config_plan },
	{ "config publish", "[FILE|OVERLAY]", 0, 1, "give the document to an agent and all peers",
		change_opts, enroll_publish_fields, enroll_config_publish },
	{ "config fetch", NULL, 0, 0, "get the newest document from the configuration server",
		fetch_opts, enroll_fetch_fields, enroll_config_fetch },
	{ "revoke", "NODE-ID|USER ...", 1, 64, "list Node-IDs as bad nodes in the configuration",
		change_opts, enroll_change_fields, enroll_revoke },
	{ "request", "USER", 1, 1, "get a certificate from an enrollment server", request_opts,
		enroll_request_fields, enroll_request },
	{ "renew", NULL, 0, 0, "get a newer certificate with the same Node-ID", renew_opts,
		enroll_request_fields, enroll_renew },
	{ "invite", NULL, 0, 0, "make an invitation: one string with which to enroll", invite_opts,
		enroll_invite_fields, enroll_invite },
	{ "accept", "INVITATION|- [USER]", 1, 2, "enroll with an invitation", accept_opts,
		enroll_request_fields, enroll_accept },
	{ "serve", NULL, 0, 0, "configuration and enrollment over HTTPS", serve_opts,
		enroll_serve_fields, enroll_serve },
	{ "backup", "FILE", 1, 1, "the authority, its document and its users, encrypted",
		backup_opts, enroll_backup_fields, enroll_backup },
	{ "restore", "FILE", 1, 1, "what backup has written, on another machine", restore_opts,
		enroll_backup_fields, enroll_restore },
	{ "user add", "USER", 1, 1, "give a user an account of the enrollment server", account_opts,
		enroll_account_fields, enroll_user_add },
	{ "user passwd", "USER", 1, 1, "give an account another password", account_opts,
		enroll_account_fields, enroll_user_passwd },
	{ "user remove", "USER", 1, 1, "remove an account", overlay_opts, enroll_account_fields,
		enroll_user_remove },
	{ "user list", NULL, 0, 0, "the users of an authority", overlay_opts, enroll_users_fields,
		enroll_user_list },
	{ "user disable", "USER", 1, 1, "refuse further certificates", overlay_opts,
		enroll_user_fields, enroll_user_disable },
	{ "user enable", "USER", 1, 1, "permit certificates again", overlay_opts,
		enroll_user_fields, enroll_user_enable },
	{ 0 },
};

static const struct cli_program program = {
	.name = "reload-enroll",
	.summary = "Create RELOAD overlays, issue certificates, check certificates and "
		   "configurations.",
	.manual = "reload-enroll(1)",
	.commands = commands,
	.opts = common_opts,
	.examples = examples,
	.exits = CLI_EXIT(3) | CLI_EXIT(4) | CLI_EXIT(5) | CLI_EXIT(6) | CLI_EXIT(7) | CLI_EXIT(8) |
		 CLI_EXIT(9) | CLI_EXIT(10) | CLI_EXIT(11),
	.complete = enroll_complete,
};

int main(int argc, char **argv)
{
	return cli_main(&program, argc, argv);
}
