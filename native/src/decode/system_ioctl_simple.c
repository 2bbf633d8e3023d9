/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls whose argument is a number, a descriptor, or a pointer to one: as a table.
 */
#include <stdlib.h>

#include <asm/ioctls.h>
#include <linux/btrfs.h>
#include <linux/fs.h>
#include <linux/if_tun.h>
#include <linux/inotify.h>
#include <linux/input.h>
#include <linux/kd.h>
#include <linux/kvm.h>
#include <linux/loop.h>
#include <linux/nsfs.h>
#include <linux/perf_event.h>
#include <linux/random.h>
#include <linux/rtc.h>
#include <linux/seccomp.h>
#include <linux/sockios.h>
#include <linux/vt.h>

#include "decode/system.h"

enum shape {
	NOTHING,
	NUMBER,      /* the argument itself, an int */
	UNSIGNED,    /* likewise, an unsigned long */
	DESCRIPTOR,  /* likewise, a descriptor */
	IN_INT,      /* it points to an int that the kernel reads */
	OUT_INT,     /* that it writes */
	OUT_SHORT,   /* an unsigned short */
	IN_UNSIGNED, /* to an unsigned int */
	OUT_UNSIGNED,
	IN_PID,
	OUT_PID,
	OUT_ID,
	OUT_LONG,
	IN_U64,
	OUT_U64,
	IN_U64_HEX,
	IN_PAIR, /* to two uint64_t: where, how much */
	IN_STRING,
};

struct simple {
	uint32_t number;
	enum shape shape;
};

/* A number whose argument has the size of a long, on the other ABI. */
#define ON_32(number) (((number) & ~(uint32_t)(_IOC_SIZEMASK << _IOC_SIZESHIFT)) | 4u << _IOC_SIZESHIFT)

static const struct simple simples[] = {
	{BLKALIGNOFF, OUT_INT},
	{BLKBSZGET, OUT_INT},
	{ON_32(BLKBSZGET), OUT_INT},
	{BLKBSZSET, IN_INT},
	{ON_32(BLKBSZSET), IN_INT},
	{BLKDISCARD, IN_PAIR},
	{BLKDISCARDZEROES, OUT_UNSIGNED},
	{BLKFLSBUF, NOTHING},
	{BLKFRAGET, OUT_LONG},
	{BLKFRASET, UNSIGNED},
	{BLKGETSIZE64, OUT_U64},
	{ON_32(BLKGETSIZE64), OUT_U64},
	{BLKGETSIZE, OUT_LONG},
	{BLKIOMIN, OUT_UNSIGNED},
	{BLKIOOPT, OUT_UNSIGNED},
	{BLKPBSZGET, OUT_UNSIGNED},
	{BLKRAGET, OUT_LONG},
	{BLKRASET, UNSIGNED},
	{BLKROGET, OUT_INT},
	{BLKROSET, IN_INT},
	{BLKROTATIONAL, OUT_INT},
	{BLKRRPART, NOTHING},
	{BLKSECDISCARD, IN_PAIR},
	{BLKSECTGET, OUT_SHORT},
	{BLKSSZGET, OUT_INT},
	{BLKTRACESTART, NOTHING},
	{BLKTRACESTOP, NOTHING},
	{BLKTRACETEARDOWN, NOTHING},
	{BLKZEROOUT, IN_PAIR},
	{BTRFS_IOC_QUOTA_RESCAN_WAIT, NOTHING},
	{BTRFS_IOC_SCRUB_CANCEL, NOTHING},
	{BTRFS_IOC_SYNC, NOTHING},
	{BTRFS_IOC_TRANS_END, NOTHING},
	{BTRFS_IOC_TRANS_START, NOTHING},
	{EVIOCGEFFECTS, OUT_INT},
	{EVIOCGRAB, NUMBER},
	{EVIOCGVERSION, OUT_UNSIGNED},
	{EVIOCREVOKE, NUMBER},
	{EVIOCRMFF, NUMBER},
	{EVIOCSCLOCKID, IN_UNSIGNED},
	{FICLONE, NUMBER},
	{FIFREEZE, NOTHING},
	{FIOASYNC, IN_INT},
	{FIOCLEX, NOTHING},
	{FIOGETOWN, OUT_PID},
	{FIONBIO, IN_INT},
	{FIONCLEX, NOTHING},
	{FIONREAD, OUT_INT},
	{FIOSETOWN, IN_PID},
	{FITHAW, NOTHING},
	{INOTIFY_IOC_SETNEXTWD, NUMBER},
	{KVM_CREATE_VCPU, UNSIGNED},
	{LOOP_CHANGE_FD, DESCRIPTOR},
	{LOOP_CLR_FD, NOTHING},
	{LOOP_CTL_ADD, NUMBER},
	{LOOP_CTL_GET_FREE, NOTHING},
	{LOOP_CTL_REMOVE, NUMBER},
	{LOOP_SET_BLOCK_SIZE, UNSIGNED},
	{LOOP_SET_CAPACITY, NOTHING},
	{LOOP_SET_DIRECT_IO, UNSIGNED},
	{LOOP_SET_FD, DESCRIPTOR},
	{NS_GET_OWNER_UID, OUT_ID},
	{NS_GET_PARENT, NOTHING},
	{NS_GET_USERNS, NOTHING},
	{PERF_EVENT_IOC_ID, OUT_U64},
	{ON_32(PERF_EVENT_IOC_ID), OUT_U64},
	{PERF_EVENT_IOC_PAUSE_OUTPUT, UNSIGNED},
	{PERF_EVENT_IOC_PERIOD, IN_U64},
	{PERF_EVENT_IOC_REFRESH, NUMBER},
	{PERF_EVENT_IOC_SET_BPF, DESCRIPTOR},
	{PERF_EVENT_IOC_SET_FILTER, IN_STRING},
	{ON_32(PERF_EVENT_IOC_SET_FILTER), IN_STRING},
	{PERF_EVENT_IOC_SET_OUTPUT, DESCRIPTOR},
	{RNDADDTOENTCNT, IN_INT},
	{RNDCLEARPOOL, NOTHING},
	{RNDGETENTCNT, OUT_INT},
	{RNDRESEEDCRNG, NOTHING},
	{RNDZAPENTCNT, NOTHING},
	{RTC_AIE_OFF, NOTHING},
	{RTC_AIE_ON, NOTHING},
	{RTC_EPOCH_READ, OUT_LONG},
	{ON_32(RTC_EPOCH_READ), OUT_LONG},
	{RTC_EPOCH_SET, UNSIGNED},
	{ON_32(RTC_EPOCH_SET), UNSIGNED},
	{RTC_IRQP_READ, OUT_LONG},
	{ON_32(RTC_IRQP_READ), OUT_LONG},
	{RTC_IRQP_SET, UNSIGNED},
	{ON_32(RTC_IRQP_SET), UNSIGNED},
	{RTC_PIE_OFF, NOTHING},
	{RTC_PIE_ON, NOTHING},
	{RTC_UIE_OFF, NOTHING},
	{RTC_UIE_ON, NOTHING},
	{RTC_VL_CLR, NOTHING},
	{RTC_WIE_OFF, NOTHING},
	{RTC_WIE_ON, NOTHING},
	{SECCOMP_IOCTL_NOTIF_ID_VALID, IN_U64_HEX},
	{SIOCATMARK, OUT_INT},
	{SIOCBRADDBR, IN_STRING},
	{SIOCBRDELBR, IN_STRING},
	{SIOCGPGRP, OUT_PID},
	{SIOCSPGRP, IN_PID},
	{SIOCSIFENCAP, IN_INT},
	{TCSBRK, NUMBER},
	{TCSBRKP, NUMBER},
	{TIOCCBRK, NOTHING},
	{TIOCCONS, NOTHING},
	{TIOCEXCL, NOTHING},
	{TIOCGDEV, OUT_UNSIGNED},
	{TIOCGETD, OUT_INT},
	{TIOCGEXCL, OUT_INT},
	{TIOCGPGRP, OUT_PID},
	{TIOCGPTN, OUT_UNSIGNED},
	{TIOCGSID, OUT_PID},
	{TIOCGSOFTCAR, OUT_INT},
	{TIOCNOTTY, NOTHING},
	{TIOCNXCL, NOTHING},
	{TIOCOUTQ, OUT_INT},
	{TIOCPKT, IN_INT},
	{TIOCSBRK, NOTHING},
	{TIOCSCTTY, NUMBER},
	{TIOCSETD, IN_INT},
	{TIOCSPGRP, IN_PID},
	{TIOCSPTLCK, IN_INT},
	{TIOCSSOFTCAR, IN_INT},
	{TIOCVHANGUP, NOTHING},
};

static enum shape shape_of(uint32_t number, bool *known)
{
	for (size_t i = 0; i < sizeof(simples) / sizeof(*simples); i++) {
		*known = simples[i].number == number;
		if (*known)
			return simples[i].shape;
	}
	return NOTHING;
}

static void print_pid_at(struct decoder *d, uint64_t address)
{
	int32_t pid;

	if (!address || !fetch(d, address, &pid, sizeof(pid))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_pid(d, (uint32_t)pid);
	print_text(d, "]");
}

static void print_id_at(struct decoder *d, uint64_t address)
{
	uint32_t id;

	if (!address || !fetch(d, address, &id, sizeof(id))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_id(d, id);
	print_text(d, "]");
}

static void print_pair_at(struct decoder *d, uint64_t address, bool hex)
{
	uint64_t pair[2];

	if (!address || !fetch(d, address, pair, hex ? sizeof(*pair) : sizeof(pair))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	if (hex) {
		print_hex(d, pair[0]);
	} else {
		print_unsigned(d, pair[0]);
		print_text(d, ", ");
		print_unsigned(d, pair[1]);
	}
	print_text(d, "]");
}

static void print_short_at(struct decoder *d, uint64_t address)
{
	uint16_t value;

	if (!address || !fetch(d, address, &value, sizeof(value))) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_unsigned(d, value);
	print_text(d, "]");
}

static void print_unsigned_word_at(struct decoder *d, uint64_t address)
{
	uint64_t word;

	if (!address || !fetch_word(d, address, &word)) {
		print_address(d, address);
		return;
	}
	print_text(d, "[");
	print_unsigned(d, word);
	print_text(d, "]");
}

/* What the kernel has put there is believed where the call succeeded. */
static void print_out(struct decoder *d, enum shape shape, uint64_t address)
{
	if (failed(d))
		print_address(d, address);
	else if (shape == OUT_INT)
		print_int_at(d, address);
	else if (shape == OUT_SHORT)
		print_short_at(d, address);
	else if (shape == OUT_UNSIGNED)
		print_u32_at(d, address);
	else if (shape == OUT_PID)
		print_pid_at(d, address);
	else if (shape == OUT_ID)
		print_id_at(d, address);
	else if (shape == OUT_LONG)
		print_unsigned_word_at(d, address);
	else
		print_u64_at(d, address);
}

static void print_in(struct decoder *d, enum shape shape, uint64_t value)
{
	switch (shape) {
	case NUMBER:
		print_signed(d, (int32_t)value);
		break;
	case UNSIGNED:
		print_unsigned(d, value);
		break;
	case DESCRIPTOR:
		print_fd(d, value);
		break;
	case IN_INT:
		print_int_at(d, value);
		break;
	case IN_UNSIGNED:
		print_u32_at(d, value);
		break;
	case IN_PID:
		print_pid_at(d, value);
		break;
	case IN_U64:
		print_u64_at(d, value);
		break;
	case IN_U64_HEX:
	case IN_PAIR:
		print_pair_at(d, value, shape == IN_U64_HEX);
		break;
	case IN_STRING:
		print_string(d, value);
		break;
	default:
		print_address(d, value);
	}
}

static bool is_out(enum shape shape)
{
	return shape == OUT_INT || shape == OUT_SHORT || shape == OUT_UNSIGNED || shape == OUT_PID || shape == OUT_ID ||
	       shape == OUT_LONG || shape == OUT_U64;
}

/* NS_GET_NSTYPE says in its result which kind of namespace it is; strace says it of a failure's -1 too. */
static bool decode_namespace_type(struct decoder *d)
{
	const char *name = constant_name(&ioctl_namespace_types, (uint32_t)d->result);

	if (d->exiting && !failed(d) && name)
		result_note(d, "%s", name);
	return true;
}

bool decode_simple_ioctl(struct decoder *d, uint32_t number)
{
	bool known;
	enum shape shape = shape_of(number, &known);

	if (number == NS_GET_NSTYPE)
		return decode_namespace_type(d);
	if (!known)
		return false;
	if (d->exiting && (number == NS_GET_PARENT || number == NS_GET_USERNS))
		result_is(d, RESULT_FD);
	if (shape == NOTHING || is_out(shape) != d->exiting)
		return true;
	argument(d);
	if (is_out(shape))
		print_out(d, shape, d->args[2]);
	else
		print_in(d, shape, d->args[2]);
	return true;
}
