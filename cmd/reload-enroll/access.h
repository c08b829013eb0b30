/* How a client reaches the servers of its identity: kept in enrollment.json beside the certificate, for renewals. */
#pragma once

#include "common/files.h"
#include "common/options.h"

/* All members are owned; NULL: there is none. */
struct enroll_access {
	char *server; /* URL of the enrollment, of an invitation; else the document names them */
	char *pin; /* of that server's key, as libcurl takes it; else its certificate is checked */
	char *password;      /* that was made for the account */
	char *password_file; /* its first line is the password */
	char *ca_file;       /* whom to trust for HTTPS; else the system's authorities */
	char *url;           /* of the configuration; else DNS leads to it, or it is at `server` */
};

/*
 * enroll_access_read() reads what enroll_access_put() left in the directory of an identity; without such a file all is NULL.  RELOAD_IO,
 * RELOAD_BAD_CONFIG for a damaged one.  enroll_access_clear() frees it, also after a failure.
 */
enum reload_err enroll_access_read(struct enroll_access *out, const char *dir, reload_ms deadline,
	struct reload_error_text *why) MUST_CHECK;
void enroll_access_clear(struct enroll_access *access);

/*
 * enroll_access_options() lets --password-file, --ca-file and --url of this command, when they are given, take the place of what was kept:
 * with --ca-file the certificate of the server is checked, with --password-file a password that was kept is not used.
 */
void enroll_access_options(struct enroll_access *access, const struct cli *cli);

/* enroll_access_put() puts the file into files, for its owner alone, when there is anything to keep. */
void enroll_access_put(
	const struct enroll_access *access, const char *dir, struct cli_files *files);
