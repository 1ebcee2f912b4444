/* SPDX-License-Identifier: Apache-2.0 */
/* The first octet chooses: a study file, or an event list. */
#include <stdint.h>
#include <stdlib.h>

#include "base/arena.h"
#include "study/events.h"
#include "study/study.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void events(const char *text, size_t len)
{
    struct arena *arena = arena_new(64 << 20);
    struct event_list list = {NULL, 0, 0};
    struct error err = {0};
    struct zone *zone = NULL;
    if (zone_open("Asia/Pyongyang", &zone, &err) == 0)
        events_parse("e.csv", text, len, zone, arena, &list, &err);
    event_list_sort(&list);
    event_list_done(&list);
    zone_free(zone);
    arena_free(arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct study *study = NULL;
    struct error err = {0};
    if (size == 0)
        return 0;
    const char *text = (const char *)data + 1;
    if (data[0] == 'e')
        events(text, size - 1);
    else if (study_parse("/nonexistent", "s.yaml", text, size - 1, &study, &err) == 0)
        study_free(study);
    else if (err.code == ERROR_NONE || err.text[0] == 0)
        abort(); /* refused without saying why */
    return 0;
}
