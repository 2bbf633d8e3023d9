/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE
#include "stracelet.h"
#include "supervisor.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

#ifndef STRACELET_VERSION
#define STRACELET_VERSION "development"
#endif

#define EXIT_USAGE 2
#define PROGRAM "stracelet-tracer"
#define NOBODY ((uid_t)-1)
#define GRACE_S 60

static const char usage[] =
	"usage: " PROGRAM " --agent-fd N --control-fd M [--proc DIR] [--cgroup-root DIR] [--allow-pid]\n"
	"                        [--connect PATH]... [--version] [-- COMMAND ARG...]\n"
	"       " PROGRAM " --listen PATH --uid UID [--grace SECONDS] [--proc DIR] [--cgroup-root DIR]\n"
	"It is started by stracelet, which talks to it over the two sockets; or, as a container of its own, it waits "
	"at PATH\n"
	"for a stracelet agent that runs as UID. Without one, what is traced is counted on for SECONDS (60), then let "
	"go.\n";

static const struct option long_options[] = {
	{"agent-fd", required_argument, NULL, 'a'}, {"control-fd", required_argument, NULL, 'c'},
	{"proc", required_argument, NULL, 'p'},     {"cgroup-root", required_argument, NULL, 'g'},
	{"connect", required_argument, NULL, 'u'},  {"listen", required_argument, NULL, 'l'},
	{"uid", required_argument, NULL, 'U'},      {"grace", required_argument, NULL, 'G'},
	{"allow-pid", no_argument, NULL, 'i'},      {"version", no_argument, NULL, 'v'},
	{"help", no_argument, NULL, 'h'},           {NULL, 0, NULL, 0},
};

static _Noreturn void bad_usage(const char *what, const char *value)
{
	fprintf(stderr, PROGRAM ": %s%s%s\n", what, value ? ": " : "", value ? value : "");
	exit(EXIT_USAGE);
}

static long number_argument(const char *option, const char *text, long most, const char *expected)
{
	char *end;

	errno = 0;
	long number = strtol(text, &end, 10);
	if (errno || *end || end == text || number < 0 || number > most)
		bad_usage(option, expected);
	return number;
}

static int socket_argument(const char *option, const char *text)
{
	long fd = number_argument(option, text, INT_MAX, "expected the number of an open SOCK_SEQPACKET socket");
	int type;
	socklen_t size = sizeof(type);

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

static const char *path_argument(const char *option, const char *path)
{
	if (!*path || strlen(path) >= sizeof(((struct sockaddr_un *)NULL)->sun_path))
		bad_usage(option, "expected the path of a socket, of less than 108 bytes");
	return path;
}

static void check(const struct supervisor_options *options)
{
	if (options->listen) {
		if (options->uid == NOBODY)
			bad_usage("--listen needs --uid: whose agent may connect", NULL);
		if (options->agent_fd >= 0 || options->control_fd >= 0 || options->connects || options->allow_pid ||
		    options->command)
			bad_usage("--listen goes with --uid, --grace, --proc and --cgroup-root alone", NULL);
		return;
	}
	if (options->uid != NOBODY)
		bad_usage("--uid goes with --listen alone", NULL);
	if (options->agent_fd < 0 || options->control_fd < 0)
		bad_usage("--agent-fd and --control-fd are needed: it is started by stracelet", NULL);
	if (options->agent_fd == options->control_fd)
		bad_usage("--agent-fd and --control-fd are the same socket", NULL);
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
		case 'l':
			options->listen = path_argument("--listen", optarg);
			break;
		case 'U':
			options->uid =
				(uid_t)number_argument("--uid", optarg, UINT32_MAX - 1L, "expected a user's number");
			break;
		case 'G':
			options->grace_s =
				(unsigned)number_argument("--grace", optarg, 86400, "expected seconds, at most 86400");
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
	if (optind < argc)
		options->command = argv + optind;
	check(options);
}

int main(int argc, char **argv)
{
	struct supervisor_options options = {
		.agent_fd = -1,
		.control_fd = -1,
		.proc = "/proc",
		.cgroup_root = "/sys/fs/cgroup",
		.uid = NOBODY,
		.grace_s = GRACE_S,
	};

	parse(argc, argv, &options);
	return options.listen ? supervisor_listen(&options) : supervisor_run(&options);
}
