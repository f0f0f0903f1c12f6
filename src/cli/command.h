/* SPDX-License-Identifier: Apache-2.0 */
/* command.h - the tables that the command line is made of.
 *
 * One struct command per file (host.c, vm.c, ...) with its verbs; commands[] lists them.  Parser,
 * help, completion and manual pages read the same rows, so none of them can lag behind.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/json.h"
#include "base/text.h"
#include "cli/cli.h"
#include "http/curl_client.h"
#include "model/fields.h"

enum flag_kind {
	FLAG_SWITCH,  /* takes no value */
	FLAG_TEXT,
	FLAG_NUMBER,
	FLAG_SECONDS, /* 90, 90s, 5m, 2h, 1d */
	FLAG_YES,     /* yes or no */
	FLAG_WORD,    /* one of names */
	FLAG_LIST,    /* may be given again */
};

enum flag_goes { GOES_NOWHERE, GOES_QUERY, GOES_BODY };

struct flag {
	const char *name;  /* without its dashes; NULL ends a list */
	char letter;       /* '\0' for none */
	enum flag_kind kind;
	enum flag_goes goes;
	const char *key;   /* in query or body */
	const char *value; /* what stands for it in help: "GROUP" */
	const char *says;
	const struct names *names;
	bool required;
	const char *alone; /* stands for a value that is left out; one that is given follows '=' */
	json_t *(*make)(const char *value); /* of what is no string; NULL when VALUE is malformed */
};

enum column_kind {
	COLUMN_TEXT,
	COLUMN_STATE,  /* a word with a colour */
	COLUMN_NUMBER, /* right; 4294967295 means none */
	COLUMN_MIB,
	COLUMN_AGE,    /* milliseconds since 1970, shown as "5m ago" */
	COLUMN_YES,
	COLUMN_COUNT,  /* how many rows a list has */
	COLUMN_WORDS,  /* list of strings */
	COLUMN_LONG,   /* text that is wrapped on a terminal */
};

struct column {
	const char *head, *key; /* head NULL ends a list */
	enum column_kind kind;
	bool wide;              /* only with -o wide */
	void (*render)(const json_t *row, struct text *to); /* instead of key */
};

enum {
	VERB_LIST = 1 << 0,      /* --watch, --no-headers */
	VERB_CHANGE = 1 << 1,    /* --dry-run */
	VERB_OBJECT = 1 << 2,    /* changes an existing object: --revision */
	VERB_OPERATION = 1 << 3, /* may become an operation: --no-wait, --timeout */
	VERB_FILE = 1 << 4,      /* --file with the body */
	VERB_TABLE = 1 << 5,     /* --no-headers */
};

struct call;

struct verb {
	const char *name; /* "" when the command has no verbs */
	const char *args; /* "VM DEVICE", "[GROUP]" */
	const char *says; /* one sentence */
	unsigned traits;
	const char *method, *path; /* "/v1/vms/{}/devices/{}", filled with the arguments */
	const char *kind;          /* of the objects in /v1/watch */
	const char *fixed;         /* body that is always sent, JSON */
	const char *done;          /* "created" */
	const struct column *columns;
	const struct flag *flags;
	int (*run)(struct call *c, struct error *err);
	const char *more;          /* paragraphs for the manual */
	const char *example;
};

struct command {
	const char *name, *says;
	const struct verb *verbs;
	size_t n;
	const char *path; /* of its list, for names in completion and suggestions; NULL for none */
	const char *more;
	bool whole; /* the list comes in one piece and knows no pages */
};

extern const struct command *const commands[];
extern const size_t commands_n;
extern const struct command host_command, gpu_command, profile_command, group_command, vm_command,
	tenant_command, priority_class_command, queue_command, lease_command, operation_command,
	event_command, explain_command, doctor_command, watch_command, plan_command,
	rebalance_command, version_command, completion_command, man_command, help_command;

/* Flags that a verb has because of its traits, and those that every verb has. */
extern const struct flag list_flags[], table_flags[], change_flags[], object_flags[],
	operation_flags[], file_flags[], common_flags[];

/* All flags of VERB, own ones first: calls FN for each until it returns false. */
void verb_flags(const struct verb *verb, bool (*fn)(void *user, const struct flag *f), void *user);

const struct command *command_find(const char *name);
const struct verb *verb_find(const struct command *command, const char *name);
/* The command whose objects an argument such as "VM" or "[GROUP]" names; NULL for none. */
const struct command *command_of_argument(const char *word, size_t n);

/* Rows of a table that is no pointer. */
#define ROWS(array) (sizeof(array) / sizeof((array)[0]))
