/* SPDX-License-Identifier: Apache-2.0 */
#include <string.h>

#include "cli/command.h"

/* In the order in which help shows them. */
const struct command *const commands[] = {
	&vm_command,      &queue_command, &group_command,   &gpu_command,   &host_command,
	&tenant_command,  &priority_class_command,
	&profile_command, &lease_command, &operation_command, &event_command,
	&rebalance_command, &explain_command, &doctor_command, &watch_command,  &plan_command,
	&version_command,
	&completion_command, &man_command, &help_command,
};
const size_t commands_n = ROWS(commands);

const struct command *command_find(const char *name)
{
	for (size_t i = 0; i < commands_n; i++)
		if (strcmp(commands[i]->name, name) == 0)
			return commands[i];
	return NULL;
}

const struct verb *verb_find(const struct command *command, const char *name)
{
	for (size_t i = 0; i < command->n; i++)
		if (strcmp(command->verbs[i].name, name) == 0)
			return &command->verbs[i];
	return NULL;
}

/* Which of the words that stand for arguments are names of objects. */
static const struct {
	const char *word;
	const struct command *command;
} objects[] = {
	{ "VM", &vm_command },       { "GROUP", &group_command },     { "GPU", &gpu_command },
	{ "HOST", &host_command },   { "PROFILE", &profile_command }, { "LEASE", &lease_command },
	{ "OPERATION", &operation_command },
	{ "TENANT", &tenant_command },
	{ "CLASS", &priority_class_command },
	{ "WAITER", &queue_command },
};

const struct command *command_of_argument(const char *word, size_t n)
{
	if (n > 1 && *word == '[') {
		word++;
		n -= 2;
	}
	for (size_t i = 0; i < ROWS(objects); i++)
		if (strlen(objects[i].word) == n && strncmp(objects[i].word, word, n) == 0)
			return objects[i].command;
	return NULL;
}
