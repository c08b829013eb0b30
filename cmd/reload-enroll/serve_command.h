/* The subcommands of the enrollment server and of its clients. */
#pragma once

#include "common/options.h"

/* Each returns the exit status. */
int enroll_backup(struct cli *cli);
int enroll_restore(struct cli *cli);
extern const char enroll_backup_fields[];
int enroll_serve(struct cli *cli);
int enroll_user_add(struct cli *cli);
int enroll_user_passwd(struct cli *cli);
int enroll_user_remove(struct cli *cli);
int enroll_request(struct cli *cli);
int enroll_config_fetch(struct cli *cli);
extern const char enroll_fetch_fields[];
int enroll_renew(struct cli *cli);
int enroll_invite(struct cli *cli);
int enroll_accept(struct cli *cli);
extern const char enroll_invite_fields[];
extern const char enroll_request_fields[];
extern const char enroll_serve_fields[];
extern const char enroll_account_fields[];
