/* SPDX-License-Identifier: Apache-2.0
 *
 * The ioctls of userfaultfd(2), and those of KVM and perf events that take a choice of names.
 */
#include <inttypes.h>
#include <string.h>

#include <linux/kvm.h>
#include <linux/perf_event.h>
#include <linux/userfaultfd.h>

#include "decode/system.h"

static void print_range(struct decoder *d, const uint64_t range[2])
{
	begin_struct(d);
	field_hex(d, "start", range[0]);
	field_hex(d, "len", range[1]);
	end_struct(d);
}

/* A set of numbers of ioctls, as bits. */
static void print_ioctls(struct decoder *d, uint64_t bits)
{
	bool any = false;

	print_text(d, ", ioctls=");
	for (size_t i = 0; i < fault_ioctls.count; i++) {
		uint64_t bit = 1ull << (fault_ioctls.items[i].value & 63);

		if (!(bits & bit))
			continue;
		print(d, "%s1<<%s", any ? "|" : "", fault_ioctls.items[i].name);
		bits &= ~bit;
		any = true;
	}
	if (bits || !any) {
		print_text(d, any ? "|" : "");
		print_hex(d, bits);
	}
}

/* All of them are structs of uint64_t, printed over both phases: what the call was told, then what it answered. */
static bool begin_words(struct decoder *d, uint64_t *words, unsigned count)
{
	argument(d);
	if (d->args[2] && fetch(d, d->args[2], words, count * sizeof(*words)))
		return true;
	print_address(d, d->args[2]);
	return false;
}

static void enter_api(struct decoder *d)
{
	uint64_t words[3];

	if (!begin_words(d, words, 3))
		return;
	print_text(d, "{");
	field_hex(d, "api", words[0]);
	field_flags(d, "features", &fault_features, words[1]);
}

static void enter_register(struct decoder *d)
{
	uint64_t words[3];

	if (!begin_words(d, words, 3))
		return;
	print_text(d, "{");
	field(d, "range");
	print_range(d, words);
	field_flags(d, "mode", &fault_register_modes, words[2]);
}

static void enter_copy(struct decoder *d)
{
	uint64_t words[4];

	if (!begin_words(d, words, 4))
		return;
	print_text(d, "{");
	field_hex(d, "dst", words[0]);
	field_hex(d, "src", words[1]);
	field_hex(d, "len", words[2]);
	field_flags(d, "mode", &fault_copy_modes, words[3]);
}

static void enter_zeropage(struct decoder *d)
{
	uint64_t words[3];

	if (!begin_words(d, words, 3))
		return;
	print_text(d, "{");
	field(d, "range");
	print_range(d, words);
	field_flags(d, "mode", &fault_zeropage_modes, words[2]);
}

static void enter_range(struct decoder *d)
{
	uint64_t words[2];

	if (begin_words(d, words, 2))
		print_range(d, words);
}

static uint64_t word_of(const struct decoder *d, unsigned index)
{
	uint64_t word = 0;

	fetch(d, d->args[2] + index * sizeof(word), &word, sizeof(word));
	return word;
}

static void exit_words(struct decoder *d, uint32_t number)
{
	uint64_t word;

	if (!d->args[2] || !fetch(d, d->args[2], &word, sizeof(word)))
		return;
	if (!failed(d)) {
		switch (number) {
		case UFFDIO_API:
			print_text(d, " => features=");
			print_flags(d, &fault_features, word_of(d, 1));
			print_ioctls(d, word_of(d, 2));
			break;
		case UFFDIO_REGISTER:
			print_ioctls(d, word_of(d, 3));
			break;
		case UFFDIO_COPY:
			print_text(d, ", copy=");
			print_hex(d, word_of(d, 4));
			break;
		case UFFDIO_ZEROPAGE:
			print_text(d, ", zeropage=");
			print_hex(d, word_of(d, 3));
		}
	}
	print_text(d, "}");
}

bool decode_fault_ioctl(struct decoder *d, uint32_t number)
{
	switch (number) {
	case UFFDIO_WAKE:
	case UFFDIO_UNREGISTER:
		if (entering(d))
			enter_range(d);
		return true;
	case UFFDIO_API:
	case UFFDIO_REGISTER:
	case UFFDIO_COPY:
	case UFFDIO_ZEROPAGE:
		if (d->exiting)
			exit_words(d, number);
		else if (number == UFFDIO_API)
			enter_api(d);
		else if (number == UFFDIO_REGISTER)
			enter_register(d);
		else if (number == UFFDIO_COPY)
			enter_copy(d);
		else
			enter_zeropage(d);
		return true;
	default:
		return false;
	}
}

bool decode_choice_ioctl(struct decoder *d, uint32_t number)
{
	const struct constants *flags = NULL, *choices = NULL;

	switch (number) {
	case KVM_CHECK_EXTENSION:
		choices = &kvm_capabilities;
		break;
	case PERF_EVENT_IOC_ENABLE:
	case PERF_EVENT_IOC_DISABLE:
	case PERF_EVENT_IOC_RESET:
		flags = &perf_ioctl_flags;
		break;
	default:
		return false;
	}
	if (!entering(d))
		return true;
	if (choices)
		argument_constant(d, choices, d->args[2]);
	else
		argument_flags(d, flags, d->args[2]);
	return true;
}
