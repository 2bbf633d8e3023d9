/* SPDX-License-Identifier: Apache-2.0
 *
 * What was captured, by its address.
 */
#include <string.h>

#include "decode/decode.h"
#include "decode/output.h"
#include "decode/strings.h"

/* Captures that follow on one another in memory are joined for one fetch, so many at most. */
#define JOINED 16
/* So many captures are looked through from the front each time. */
#define FEW 64

static bool may_use(const struct decoder *d, const struct stl_capture *capture)
{
	return d->exiting || capture->phase == PHASE_ENTRY;
}

/* Bytes that it has from `address` on, which lies in it. */
static uint64_t reach(const struct stl_capture *capture, uint64_t address)
{
	return capture->size - (address - capture->address);
}

static void find_place(const struct decoder *d, struct memory_place *place)
{
	const struct stl_capture *capture = capture_first(d->record);

	*place = (struct memory_place){.known = true, .capture = capture, .exit_low = UINT64_MAX};
	for (uint32_t i = 0; i < d->record->captures; i++, capture = capture_next(capture)) {
		if (capture->kind != CAPTURED_MEMORY || capture->phase == PHASE_ENTRY)
			continue;
		if (capture->address < place->exit_low)
			place->exit_low = capture->address;
		if (capture->address + capture->size > place->exit_high)
			place->exit_high = capture->address + capture->size;
	}
}

static bool holds(const struct decoder *d, const struct stl_capture *capture, uint64_t address)
{
	return capture->kind == CAPTURED_MEMORY && address - capture->address < capture->size && may_use(d, capture);
}

/* What was captured at the exit goes before; of several (the parts of an iovec may overlap) the one that reaches
 * farthest. */
static const struct stl_capture *best_of_all(const struct decoder *d, uint64_t address)
{
	const struct stl_capture *capture = capture_first(d->record), *found = NULL;

	for (uint32_t i = 0; i < d->record->captures; i++, capture = capture_next(capture)) {
		if (!holds(d, capture, address))
			continue;
		if (!found || (found->phase == PHASE_ENTRY && capture->phase != PHASE_ENTRY) ||
		    (found->phase == capture->phase && reach(capture, address) > reach(found, address)))
			found = capture;
	}
	return found;
}

/* Of the thousands of an iovec each is asked for: so a search begins where the last one has ended, and ends with the
 * first that will do. */
static const struct stl_capture *next_of_many(const struct decoder *d, uint64_t address)
{
	struct memory_place *place = &d->out->place;
	const struct stl_capture *capture, *found = NULL;
	uint32_t found_index = 0, count = d->record->captures, index;

	if (!place->known)
		find_place(d, place);
	bool at_exit = d->exiting && address >= place->exit_low && address < place->exit_high;

	capture = place->capture;
	index = place->index;
	for (uint32_t i = 0; i < count; i++) {
		if (holds(d, capture, address) && (!found || capture->phase != PHASE_ENTRY)) {
			found = capture;
			found_index = index;
			if (!at_exit || capture->phase != PHASE_ENTRY)
				break;
		}
		index = index + 1 == count ? 0 : index + 1;
		capture = index ? capture_next(capture) : capture_first(d->record);
	}
	if (found) {
		place->capture = found;
		place->index = found_index;
	}
	return found;
}

const struct stl_capture *fetch_holding(const struct decoder *d, uint64_t address)
{
	return d->record->captures <= FEW ? best_of_all(d, address) : next_of_many(d, address);
}

size_t fetch_some(const struct decoder *d, uint64_t address, void *into, size_t size)
{
	size_t done = 0;

	for (int i = 0; i < JOINED && done < size; i++) {
		const struct stl_capture *capture = fetch_holding(d, address + done);

		if (!capture)
			break;
		size_t offset = (size_t)(address + done - capture->address), part = capture->size - offset;

		if (part > size - done)
			part = size - done;
		memcpy((char *)into + done, (const char *)capture_bytes(capture) + offset, part);
		done += part;
	}
	return done;
}

bool fetch(const struct decoder *d, uint64_t address, void *into, size_t size)
{
	const struct stl_capture *capture = fetch_holding(d, address);

	if (!capture)
		return false;
	size_t offset = (size_t)(address - capture->address);

	if (capture->size - offset >= size) {
		memcpy(into, (const char *)capture_bytes(capture) + offset, size);
		return true;
	}
	/* nothing is copied unless all is there: into may hold what the caller goes on with */
	char whole[4096];

	if (size > sizeof(whole) || fetch_some(d, address, whole, size) < size)
		return false;
	memcpy(into, whole, size);
	return true;
}

bool fetch_word(const struct decoder *d, uint64_t address, uint64_t *value)
{
	uint32_t narrow;

	if (d->word == 8)
		return fetch(d, address, value, 8);
	if (!fetch(d, address, &narrow, 4))
		return false;
	*value = narrow;
	return true;
}

static bool is_named(const struct stl_capture *capture, uint64_t address)
{
	/* descriptors and PIDs are ints */
	if (capture->kind == CAPTURED_DESCRIPTOR || capture->kind == CAPTURED_PID)
		return (uint32_t)capture->address == (uint32_t)address;
	return capture->address == address;
}

const struct stl_capture *fetch_capture(const struct decoder *d, uint64_t address, uint8_t kind)
{
	const struct stl_capture *capture = capture_first(d->record), *found = NULL;

	for (uint32_t i = 0; i < d->record->captures; i++, capture = capture_next(capture)) {
		if (capture->kind != kind || !is_named(capture, address) || !may_use(d, capture))
			continue;
		if (capture->phase != PHASE_ENTRY || !d->exiting)
			return capture;
		if (!found)
			found = capture;
	}
	return found;
}

const struct stl_capture *fetch_kind(const struct decoder *d, uint8_t kind)
{
	const struct stl_capture *capture = capture_first(d->record);

	for (uint32_t i = 0; i < d->record->captures; i++, capture = capture_next(capture)) {
		if (capture->kind == kind)
			return capture;
	}
	return NULL;
}
