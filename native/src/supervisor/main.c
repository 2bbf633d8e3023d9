/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "stracelet.h"
#include "supervisor.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#ifndef STRACELET_VERSION
#define STRACELET_VERSION "development"
#endif

#define EXIT_USAGE 2
#define PROGRAM "stracelet-tracer"

static const char usage[] =
	"usage: " PROGRAM " --agent-fd N --control-fd M [--proc DIR] [--cgroup-root DIR] [--allow-pid]\n"
	"                        [--connect PATH]... [--version] [-- COMMAND ARG...]\n"
	"It is started by stracelet, which talks to it over the two sockets.\n";

static const struct option long_options[] = {
	{"agent-fd", required_argument, NULL, 'a'},
	{"control-fd", required_argument, NULL, 'c'},
	{"proc", required_argument, NULL, 'p'},
	{"cgroup-root", required_argument, NULL, 'g'},
	{"connect", required_argument, NULL, 'u'},
	{"allow-pid", no_argument, NULL, 'i'},
	{"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},
	{NULL, 0, NULL, 0},
};

static _Noreturn void bad_usage(const char *what, const char *value)
{
	fprintf(stderr, PROGRAM ": %s%s%s\n", what, value ? ": " : "", value ? value : "");
	exit(EXIT_USAGE);
}

static int socket_argument(const char *option, const char *text)
{
	char *end;
	int type;
	socklen_t size = sizeof(type);

	errno = 0;
	long fd = strtol(text, &end, 10);
	if (errno || *end || end == text || fd < 0 || fd > INT_MAX)
		bad_usage(option, "expected the number of an open SOCK_SEQPACKET socket");
	if (getsockopt((int)fd, SOL_SOCKET, SO_TYPE, &type, &size) < 0 || type != SOCK_SEQPACKET)
		bad_usage(option, "not an open SOCK_SEQPACKET socket");
	return (int)fd;
}

static void add_path(struct supervisor_options *options, const char *path)
{
	if (options->connects == SUPERVISOR_PATHS)
		bad_usage("--connect: more than 32 paths", NULL);
	options->connect[options->connects++] = path;
}

static void parse(int argc, char **argv, struct supervisor_options *options)
{
	int option;

	/* "+": options of COMMAND are not ours, even where "--" was left out; ":": we report what is wrong */
	while ((option = getopt_long(argc, argv, "+:", long_options, NULL)) != -1) {
		switch (option) {
		case 'a':
			options->agent_fd = socket_argument("--agent-fd", optarg);
			break;
		case 'c':
			options->control_fd = socket_argument("--control-fd", optarg);
			break;
		case 'p':
			options->proc = optarg;
			break;
		case 'g':
			options->cgroup_root = optarg;
			break;
		case 'u':
			add_path(options, optarg);
			break;
		case 'i':
			options->allow_pid = true;
			break;
		case 'v':
			printf(PROGRAM " %s (protocol %d)\n", STRACELET_VERSION, STL_VERSION);
			exit(EXIT_SUCCESS);
		case 'h':
			fputs(usage, stdout);
			exit(EXIT_SUCCESS);
		case ':':
			bad_usage("option needs a value", argv[optind - 1]);
		default:
			bad_usage("unknown option", argv[optind - 1]);
		}
	}
	if (options->agent_fd < 0 || options->control_fd < 0)
		bad_usage("--agent-fd and --control-fd are needed: it is started by stracelet", NULL);
	if (options->agent_fd == options->control_fd)
		bad_usage("--agent-fd and --control-fd are the same socket", NULL);
	if (optind < argc)
		options->command = argv + optind;
}

int main(int argc, char **argv)
{
	struct supervisor_options options = {
		.agent_fd = -1,
		.control_fd = -1,
		.proc = "/proc",
		.cgroup_root = "/sys/fs/cgroup",
	};

	parse(argc, argv, &options);
	return supervisor_run(&options);
}
