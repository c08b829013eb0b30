/* init: an authority, a signer of configurations, and the first signed configuration of an overlay. */
#include "reload-enroll/enroll.h"

#include "common/password.h"
#include "config/schema.h"
#include "config/write.h"
#include "reload-enroll/accounts.h"
#include "reload-enroll/keypair.h"
#include "reload-enroll/passphrase.h"
#include "wire/codes.h"
#include "wire/limits.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

enum {
	KIND_FILE_MAX = 65536,
	SIZE_DEFAULT = 5000 /* max-message-size */
};

/* A Kind for a first Store of every user (cli.md s12). */
static const struct reload_kind first_kind = {
	.id = 0xf0000001,
	.model = RELOAD_MODEL_SINGLE,
	.access = RELOAD_ACCESS_USER_MATCH,
	.max_count = 1,
	.max_size = 4096,
};

/* The Kind of a Kind file, and the line on which its element begins. */
struct kind_file {
	const char *path;
	struct reload_kind kind;
	unsigned line;
};

struct init_plan {
	struct cli *cli;
	const char *overlay;
	char *dir, *ca_dir, *config_path, *signer_user;
	reload_utc now, ca_until;
	reload_ms validity;
	struct enroll_keypair ca, signer;
	char *secret;         /* of --shared-secret; NULL: none */
	char *passphrase;     /* of both keys; NULL: they are not encrypted */
	const char *given_ca; /* certificate of an authority that exists; NULL: it is made */
	struct reload_id signer_id;
	struct reload_config_draft draft;
	struct enroll_bootstrap bootstrap;
	struct reload_diagnostic_grant *grants;
	char **kinds; /* elements: that of first_kind, those of the files, those of registered Kinds */
	struct enroll_services services;
	struct kind_file *files;
	size_t kinds_count, files_count;
	const char **servers;
	struct wr document;
};

static enum reload_err read_algorithm(struct init_plan *f, struct reload_error_text *why)
{
	uint64_t length = 0;
	const char *name = cli_value(f->cli, "algorithm", "CHORD-RELOAD");
	if (strcmp(name, RELOAD_CHORD_SELF_TUNING) &&
		strcmp(name, "CHORD-RELOAD")) /* reload_config_write() names no option */
		return enroll_wrong(why, "--algorithm", name,
			"this program knows CHORD-RELOAD and " RELOAD_CHORD_SELF_TUNING);
	enum reload_err err = cli_number(f->cli, "node-id-length", 16, 16, 20, &length, why);
	if (err)
		return err;
	if (length != 16)
		return enroll_wrong(why, "--node-id-length",
			cli_value(f->cli, "node-id-length", ""),
			"CHORD-RELOAD and " RELOAD_CHORD_SELF_TUNING
			" work with Node-IDs of 16 bytes (RFC 6940 s10.2)");
	f->draft.topology_plugin = name;
	f->draft.node_id_len = (uint8_t)length;
	return RELOAD_OK;
}

static enum reload_err read_self_signed(struct init_plan *f, struct reload_error_text *why)
{
	const char *digest = cli_value(f->cli, "self-signed", NULL);
	if (!digest)
		return RELOAD_OK;
	if (!strcmp(digest, "sha1"))
		f->draft.self_signed_digest = RELOAD_HASH_SHA1;
	else if (!strcmp(digest, "sha256"))
		f->draft.self_signed_digest = RELOAD_HASH_SHA256;
	else
		return enroll_wrong(why, "--self-signed", digest,
			"the digest is sha1 or sha256 (RFC 6940 s11.1)");
	return RELOAD_OK;
}

static enum reload_err read_message_size(struct init_plan *f, struct reload_error_text *why)
{
	uint64_t size = 0;
	enum reload_err err = cli_size(f->cli, "max-message-size", 0, &size, why);
	if (!err && size > RELOAD_LIMIT_MESSAGE) {
		err = enroll_wrong(why, "--max-message-size",
			cli_value(f->cli, "max-message-size", ""),
			"fragments carry 17039360 bytes of a message at most (RFC 6940 s6.7)");
		reload_error_advise(why, "--max-message-size 16M");
	}
	f->draft.max_message_size = (uint32_t)size;
	return err;
}

static enum reload_err read_servers(struct init_plan *f, struct reload_error_text *why)
{
	size_t n = cli_count(f->cli, "enrollment-server");
	f->servers = reload_alloc_array(n + 1, sizeof(*f->servers));
	for (size_t i = 0; i < n; i++) {
		f->servers[i] = cli_value_at(f->cli, "enrollment-server", i);
		if (strncmp(f->servers[i], "https://", 8) || !f->servers[i][8])
			return enroll_wrong(why, "--enrollment-server", f->servers[i],
				"enrollment is over HTTPS only: https://HOST/PATH (RFC 6940 "
				"s11.3)");
	}
	f->draft.enrollment_servers = f->servers;
	f->draft.enrollment_servers_count = n;
	return RELOAD_OK;
}

/* kind_fault() adds the Kind file and the line to why; line 0: why names a line already. */
static enum reload_err kind_fault(struct reload_error_text *why, const char *path, unsigned line)
{
	struct reload_error_text from = *why;
	snprintf(why->what, sizeof(why->what), "the Kind file %.150s cannot be used",
		cli_path_show(path));
	if (line)
		snprintf(why->reason, sizeof(why->reason), "%.150s, line %u: %.300s",
			cli_path_show(path), line, from.reason);
	else
		snprintf(why->reason, sizeof(why->reason), "%.150s, %.350s", cli_path_show(path),
			from.reason);
	if (!from.advice[0])
		reload_error_advise(why,
			"reload-enroll kind NAME --id 0xf0000005 --model single --access "
			"user-match -o %.100s",
			cli_path_show(path));
	return RELOAD_BAD_CONFIG;
}

/* read_kind_file() reads the kind element of a file. */
static enum reload_err read_kind_file(
	struct init_plan *f, const char *path, struct reload_error_text *why)
{
	uint8_t *bytes = NULL;
	size_t len = 0;
	struct kind_file *file = &f->files[f->files_count];
	enum reload_err err =
		cli_file_read(&bytes, &len, path, KIND_FILE_MAX, f->cli->deadline, why);
	if (err)
		return err;
	if (reload_kind_file_read(&file->kind, span_of(bytes, len), why))
		err = kind_fault(why, path, 0);
	if (!err) {
		struct span element = file->kind.block;
		file->path = path;
		file->line = 1;
		for (const uint8_t *c = bytes; c < element.at; c++)
			file->line += *c == '\n';
		f->kinds[f->kinds_count++] = strndup((const char *)element.at, element.len);
		f->files_count++;
		file->kind.block = span_of(NULL, 0); /* it was borrowed from bytes */
	}
	free(bytes);
	return err;
}

/* check_kind_files() refuses Kinds that can never work, and Kinds that are defined twice. */
static enum reload_err check_kind_files(struct init_plan *f, struct reload_error_text *why)
{
	uint32_t size = f->draft.max_message_size ? f->draft.max_message_size : SIZE_DEFAULT;
	for (size_t i = 0; i < f->files_count; i++) {
		const struct kind_file *file = &f->files[i];
		if (reload_kind_workable(&file->kind, size, why)) {
			if (file->kind.max_size > size &&
				file->kind.max_size < RELOAD_LIMIT_MESSAGE - ENROLL_UPDATE_OVERHEAD)
				reload_error_advise(why,
					"reload-enroll init %.80s --kind %.80s --max-message-size "
					"%u",
					f->overlay, cli_path_show(file->path),
					file->kind.max_size + ENROLL_UPDATE_OVERHEAD);
			return kind_fault(why, file->path, file->line);
		}
	}
	return RELOAD_OK;
}

/* suggest() advises the command that writes this Kind file again with id and with a name that no other file has. */
static void suggest(struct reload_error_text *why, const struct init_plan *f,
	const struct kind_file *file, uint32_t id)
{
	char name[RELOAD_KIND_NAME_MAX + 1];
	snprintf(name, sizeof(name), "%s", file->kind.given);
	for (size_t i = 0; i < f->files_count; i++)
		if (!*name || (&f->files[i] != file && !strcasecmp(f->files[i].kind.given, name)))
			snprintf(name, sizeof(name), "KIND-%x", id);
	reload_error_advise(why, "reload-enroll kind %s --id 0x%x --model %s --access %s -o %.100s",
		name, id, reload_data_model_name(file->kind.model),
		reload_access_policy_name(file->kind.access), cli_path_show(file->path));
}

/* check_names() refuses two files that give the same name to different Kinds; why names both. */
static enum reload_err check_names(const struct init_plan *f, struct reload_error_text *why)
{
	for (size_t i = 0; i < f->files_count; i++)
		for (size_t k = 0; k < i; k++) {
			const struct kind_file *one = &f->files[k], *two = &f->files[i];
			if (!two->kind.given[0] || strcasecmp(one->kind.given, two->kind.given))
				continue;
			(void)reload_error_explain(why, RELOAD_BAD_CONFIG, "",
				"the name %s is that of the Kind in %.150s already",
				two->kind.given, cli_path_show(one->path));
			suggest(why, f, two, two->kind.id);
			return kind_fault(why, two->path, two->line);
		}
	return RELOAD_OK;
}

/* check_doubles() refuses a Kind-ID that two files, or a file and init itself, define; why names both. */
static enum reload_err check_doubles(struct init_plan *f, struct reload_error_text *why)
{
	uint32_t free_id = first_kind.id + 1;
	for (size_t i = 0; i < f->files_count; i++)
		if (f->files[i].kind.id >= free_id && f->files[i].kind.id < 0xfffffffd)
			free_id = f->files[i].kind.id + 1;
	for (size_t i = 0; i < f->files_count; i++) {
		const char *other = f->files[i].kind.id == first_kind.id ? "init itself" : NULL;
		for (size_t k = 0; k < i && !other; k++)
			if (f->files[k].kind.id == f->files[i].kind.id)
				other = cli_path_show(f->files[k].path);
		if (!other)
			continue;
		(void)reload_error_explain(why, RELOAD_BAD_CONFIG, "",
			"the Kind 0x%x is defined by %.150s already", f->files[i].kind.id, other);
		suggest(why, f, &f->files[i], free_id);
		return kind_fault(why, f->files[i].path, f->files[i].line);
	}
	return RELOAD_OK;
}

static enum reload_err read_kinds(struct init_plan *f, struct reload_error_text *why)
{
	size_t n = cli_count(f->cli, "kind");
	enum reload_err err = RELOAD_OK;
	bool turn = cli_has(f->cli, "ice"), sip = true, services = f->services.providers > 0;
	f->kinds = reload_alloc_array(n + 4, sizeof(*f->kinds));
	f->files = reload_alloc_array(n + 1, sizeof(*f->files));
	f->kinds[f->kinds_count++] = reload_kind_element(&first_kind);
	if (n + turn + sip + services >= RELOAD_CONFIG_KINDS_MAX) {
		char text[32];
		snprintf(text, sizeof(text), "%zu files", n);
		return enroll_wrong(why, "--kind", text, "a configuration may hold 256 Kinds");
	}
	for (size_t i = 0; i < n && !err; i++) {
		err = read_kind_file(f, cli_value_at(f->cli, "kind", i), why);
		turn = turn && (err || f->files[i].kind.id != enroll_turn_kind.id);
		sip = sip && (err || f->files[i].kind.id != RELOAD_KIND_SIP_REGISTRATION);
		if (!err && services && f->files[i].kind.id == RELOAD_KIND_REDIR)
			err = enroll_wrong(why, "--services", cli_value(f->cli, "services", ""),
				"the Kind REDIR of the --kind file has limits of its own");
	}
	if (turn)
		f->kinds[f->kinds_count++] = reload_kind_element(&enroll_turn_kind);
	if (services)
		f->kinds[f->kinds_count++] = reload_kind_element(&f->services.kind);
	f->draft.redir = services;
	if (!err)
		err = enroll_sip_kind(&f->kinds[f->kinds_count], f->cli, !sip, why);
	f->kinds_count += !err && sip;
	f->draft.kind_elements = (const char *const *)f->kinds;
	f->draft.kind_elements_count = f->kinds_count;
	if (!err)
		err = check_doubles(f, why);
	return err ? err : check_names(f, why);
}

static enum reload_err read_authority_options(struct init_plan *f, struct reload_error_text *why)
{
	f->given_ca = cli_value(f->cli, "ca-cert", NULL);
	if (cli_has(f->cli, "ca-key") != (f->given_ca != NULL))
		return cli_refuse(why, "--ca-cert and --ca-key go together",
			"an authority that exists has a certificate and a key");
	return cli_has(f->cli, "passphrase-file")
		       ? enroll_passphrase(&f->passphrase, f->cli, true, why)
		       : RELOAD_OK;
}

static enum reload_err read_options(struct init_plan *f, struct reload_error_text *why)
{
	f->overlay = f->cli->operands[0];
	f->now = enroll_now();
	if (!reload_overlay_name_valid(f->overlay) ||
		strpbrk(f->overlay, "ABCDEFGHIJKLMNOPQRSTUVWXYZ"))
		return enroll_wrong(why, "overlay name", f->overlay,
			"an overlay has a DNS name in lower case: letters, digits and - between "
			"dots (RFC 1035)");
	if (!strcmp(f->overlay, "identity"))
		return enroll_wrong(why, "overlay name", f->overlay,
			"the directory of that name holds identities");
	enum reload_err err = read_algorithm(f, why);
	if (!err)
		err = enroll_validity(f->cli, ENROLL_CONFIG_VALIDITY, &f->validity, why);
	if (!err)
		err = read_self_signed(f, why);
	if (!err)
		err = enroll_shared_secret(&f->secret, f->cli, why);
	f->draft.shared_secret = f->secret;
	if (!err)
		err = read_message_size(f, why);
	if (!err)
		err = enroll_bootstrap_read(&f->bootstrap, f->cli, &f->draft, why);
	if (!err)
		err = enroll_services_read(&f->services, f->cli, why);
	if (!err)
		err = read_servers(f, why);
	if (!err)
		err = enroll_diagnostics_read(&f->grants, f->cli, why);
	if (!err)
		err = read_authority_options(f, why);
	return err ? err : read_kinds(f, why);
}

/* find_place() sets the paths and refuses to replace an existing overlay. */
static enum reload_err find_place(struct init_plan *f, struct reload_error_text *why)
{
	char what[256];
	enum reload_err err = cli_path(&f->dir, CLI_CONFIG, f->overlay, why);
	if (err)
		return err;
	f->ca_dir = enroll_join(f->dir, "ca");
	f->config_path = enroll_join(f->dir, "overlay.xml");
	if (access(f->ca_dir, F_OK) && access(f->config_path, F_OK))
		return RELOAD_OK;
	snprintf(what, sizeof(what), "the overlay %.150s exists already", f->overlay);
	err = reload_error_explain(why, RELOAD_EXISTS, what,
		"it is in %s; its authority is never overwritten", cli_path_show(f->dir));
	reload_error_advise(why, "reload-enroll show %s", f->overlay);
	return err;
}

/* --ca-cert and --ca-key: an authority that exists, such as one below the authority of a company. */
static enum reload_err read_authority(struct init_plan *f, struct reload_error_text *why)
{
	struct reload_cert **others = NULL;
	size_t others_count = 0;
	const char *key = cli_value(f->cli, "ca-key", NULL);
	enum reload_err err = cli_certs_load(&f->ca.cert, &others, &others_count, f->given_ca, why);
	cli_certs_free(others, others_count);
	if (!err)
		err = enroll_key_load(&f->ca.key, key, f->cli, &f->passphrase, why);
	if (!err && (!f->ca.cert->authority || !reload_key_fits(f->ca.key, f->ca.cert)))
		err = enroll_wrong(why, "--ca-cert", f->given_ca,
			f->ca.cert->authority ? "the key of --ca-key is that of another certificate"
					      : "it may issue no certificates: BasicConstraints "
						"with CA true is missing, or keyUsage forbids it");
	if (!err && f->ca.cert->not_after <= f->now)
		err = enroll_wrong(why, "--ca-cert", f->given_ca, "it has expired");
	if (!err && f->ca_until > f->ca.cert->not_after)
		f->ca_until = f->ca.cert->not_after;
	return err;
}

/* make_authority() makes two keys and certificates: one that signs certificates, one that signs configurations. */
static enum reload_err make_authority(struct init_plan *f, struct reload_error_text *why)
{
	char name[300], user[300];
	snprintf(name, sizeof(name), "%s authority", f->overlay);
	static const char signs[] = "configuration-signer";
	/* a user name has 255 characters at most, and an overlay's nearly as many */
	snprintf(user, sizeof(user), "%s@%s",
		strlen(f->overlay) + sizeof(signs) > 255 ? "s" : signs, f->overlay);
	f->signer_user = reload_strdup(user);
	f->ca_until =
		f->now + (f->validity > ENROLL_CA_VALIDITY ? f->validity : ENROLL_CA_VALIDITY);
	enroll_node_id(&f->signer_id, f->draft.node_id_len);
	enum reload_err err =
		f->given_ca ? read_authority(f, why)
			    : enroll_keypair_authority(&f->ca, name, f->now, f->ca_until, why);
	return err ? err
		   : enroll_keypair_signer(&f->signer, f->overlay, user, &f->signer_id, &f->ca,
			     f->now, f->ca_until, why);
}

/*
 * write_document() signs the configuration.  A ConfigUpdate is a message: max-message-size is twice what this document
 * needs, so that it can grow (interop CFG-15).
 */
static enum reload_err write_document(struct init_plan *f, struct reload_error_text *why)
{
	struct span root = f->ca.cert->der;
	struct reload_config_signer signer = {
		.key = f->signer.key, .cert = f->signer.cert, .node = f->signer_id
	};
	f->draft.instance_name = f->overlay;
	f->draft.sequence = 1;
	f->draft.expiration = f->now + f->validity;
	f->draft.roots = &root;
	f->draft.roots_count = 1;
	f->draft.initial_ttl = ENROLL_INITIAL_TTL;
	f->draft.no_ice = !cli_has(f->cli, "ice");
	f->draft.turn_density = f->draft.no_ice ? 0 : ENROLL_TURN_DENSITY;
	f->draft.grants = f->grants;
	f->draft.grants_count = f->grants ? ENROLL_GRANTS : 0;
	enroll_diagnostics_grant(f->grants, f->cli, &f->signer_id);
	f->draft.signers = &f->signer_id;
	f->draft.signers_count = 1;
	enum reload_err err = reload_config_write(&f->document, &f->draft, &signer, f->now, why);
	size_t need = f->document.len + ENROLL_UPDATE_OVERHEAD;
	bool given = cli_has(f->cli, "max-message-size");
	if (!given && need < f->services.message_size)
		need = f->services.message_size;
	if (!err && given && need > f->draft.max_message_size) {
		err = enroll_wrong(why, "--max-message-size",
			cli_value(f->cli, "max-message-size", ""),
			"an update of this document is a message, and would not fit");
		reload_error_advise(
			why, "--max-message-size %zu", enroll_message_size(f->document.len));
	} else if (!err && !given && need > SIZE_DEFAULT) {
		size_t size = enroll_message_size(f->document.len);
		f->draft.max_message_size =
			(uint32_t)(size > need ? size : need); /* need: that of --services */
		wr_clear(&f->document);
		err = reload_config_write(&f->document, &f->draft, &signer, f->now, why);
	}
	if (!err)
		err = reload_schema_check(wr_done(&f->document), why);
	f->draft.roots = NULL;
	return err;
}

static void put_rest(struct init_plan *f, struct cli_files *files)
{
	json_t *ledger = enroll_ledger_new(f->overlay, f->signer_user, &f->signer_id);
	char *text = enroll_ledger_text(ledger), *path = enroll_join(f->ca_dir, "issued.json");
	char *lock = enroll_join(f->ca_dir, "lock");
	cli_files_put_new(files, path, 0600, span_str(text));
	cli_files_put_new(files, lock, 0600, span_of(NULL, 0));
	cli_files_put_new(files, f->config_path, f->secret ? 0600 : 0644, wr_done(&f->document));
	free(lock);
	free(path);
	free(text);
	json_decref(ledger);
}

/* What put_rest() has written becomes the accounts; when the process is killed before, the next command does it. */
static enum reload_err make_accounts(struct init_plan *f, struct reload_error_text *why)
{
	struct accounts *accounts = NULL;
	enum reload_err err = accounts_open(&accounts, f->ca_dir, f->overlay, why);
	accounts_close(accounts);
	return err;
}

static enum reload_err save(struct init_plan *f, struct reload_error_text *why)
{
	if (f->cli->dry_run)
		return cli_dir_check(f->dir, why);
	AUTO(cli_files) files = cli_files_new();
	char *signer_dir = enroll_join(f->ca_dir, "signer");
	enum reload_err err = cli_files_mkdir(files, f->ca_dir, 0700, why);
	if (!err)
		err = cli_files_mkdir(files, signer_dir, 0700, why);
	if (!err)
		err = enroll_keypair_put(&f->ca, files, f->ca_dir, f->passphrase, true, why);
	if (!err)
		err = enroll_keypair_put(&f->signer, files, signer_dir, f->passphrase, true, why);
	if (!err) {
		put_rest(f, files);
		err = cli_files_commit(files, why);
	}
	free(signer_dir);
	return err ? err : make_accounts(f, why);
}

static const char *text_of(const json_t *o, const char *outer, const char *key)
{
	return json_string_value(json_object_get(outer ? json_object_get(o, outer) : o, key));
}

static void print_created(FILE *out, const json_t *o, void *arg)
{
	const struct cli *cli = arg;
	const char *config = cli_path_show(text_of(o, "configuration", "path"));
	const char *overlay = text_of(o, NULL, "overlay");
	char ca[4096];
	if (cli->quiet)
		return;
	snprintf(ca, sizeof(ca), "%s", cli_path_show(text_of(o, "authority", "path")));
	fprintf(out, "%s overlay %s: %s, %d-bit Node-IDs, links %s\n",
		cli->dry_run ? "would create" : "created", overlay, text_of(o, NULL, "algorithm"),
		(int)json_integer_value(json_object_get(o, "node_id_length")) * 8,
		json_is_true(json_object_get(o, "no_ice")) ? "TLS" : "ICE");
	fprintf(out, "  configuration  %s  sequence 1, signed, until %.10s\n", config,
		text_of(o, "configuration", "expires"));
	fprintf(out, "  authority      %-*s  until %.10s\n", (int)strlen(config), ca,
		text_of(o, "authority", "expires"));
	enroll_services_print(out, o);
	if (!cli->dry_run)
		fprintf(out, "next: reload-enroll issue USER@%s\n", overlay);
}

static void report(struct init_plan *f)
{
	uint32_t size = f->draft.max_message_size ? f->draft.max_message_size : SIZE_DEFAULT;
	char hex[RELOAD_ID_HEX];
	json_t *o = json_pack("{s:s, s:s, s:i, s:[s], s:b, s:{s:s, s:i, s:b, s:o}, s:{s:s, s:o}, "
			      "s:{s:s, s:s, s:o}, s:o, s:I, s:b}",
		"overlay", f->overlay, "algorithm", f->draft.topology_plugin, "node_id_length",
		(int)f->draft.node_id_len, "links", "TLS", "no_ice", f->draft.no_ice,
		"configuration", "path", f->config_path, "sequence", 1, "signed", 1, "expires",
		cli_json_time(f->now + f->validity), "authority", "path", f->ca_dir, "expires",
		cli_json_time(f->ca.cert->not_after), "signer", "user", f->signer_user, "node_id",
		reload_id_hex(hex, &f->signer_id), "expires",
		cli_json_time(f->signer.cert->not_after), "services",
		enroll_services_json(&f->services), "max_message_size", (json_int_t)size, "dry_run",
		f->cli->dry_run);
	cli_print(f->cli, o, print_created, f->cli);
	json_decref(o);
}

static void clear(struct init_plan *f)
{
	for (size_t i = 0; i < f->kinds_count; i++)
		free(f->kinds[i]);
	free(f->kinds);
	free(f->files);
	free(f->servers);
	free(f->bootstrap.nodes);
	free(f->grants);
	free(f->dir);
	free(f->ca_dir);
	free(f->config_path);
	free(f->signer_user);
	enroll_keypair_clear(&f->ca);
	enroll_keypair_clear(&f->signer);
	cli_password_free(f->passphrase);
	cli_password_free(f->secret);
	wr_clear(&f->document);
}

int enroll_init(struct cli *cli)
{
	struct init_plan f = { .cli = cli };
	struct reload_error_text why = { 0 };
	wr_init(&f.document);
	enum reload_err err = read_options(&f, &why);
	if (!err)
		err = find_place(&f, &why);
	if (!err)
		err = make_authority(&f, &why);
	if (!err)
		err = write_document(&f, &why);
	if (!err)
		err = check_kind_files(&f, &why);
	if (!err)
		err = save(&f, &why);
	if (!err)
		report(&f);
	clear(&f);
	return err ? cli_fail(cli, err, &why) : 0;
}
