/* SPDX-License-Identifier: Apache-2.0 */
/* The findings on a terminal: a line each, cut to its width between characters. */
#include <stdbool.h>
#include <string.h>

#include "base/buf.h"
#include "base/memory.h"
#include "report/report.h"
#include "report/text.h"

enum { FINDINGS_MAX = 9, WIDTH_MIN = 40, LINE_OCTETS_MAX = 4096 };

static const char *string_of(const json_t *j, const char *key)
{
    const char *s = json_string_value(json_object_get(j, key));
    return s ? s : "";
}

static double number_of(const json_t *j, const char *key)
{
    return json_number_value(json_object_get(j, key));
}

/* One character a column, whatever its octets; the model's texts are of narrow scripts or are cut a
 * little late. */
static void print_line(FILE *out, const char *text, int width)
{
    struct buf b;
    int column = 0;
    buf_init(&b, LINE_OCTETS_MAX);
    text_utf8(&b, bytes_of_text(text), true);
    size_t len = b.len, cut = 0;
    for (size_t i = 0; i < b.len; i++) {
        bool starts = ((unsigned char)b.at[i] & 0xc0) != 0x80;
        if (starts && column == width - 3)
            cut = i;
        column += starts;
    }
    if (column > width)
        len = cut;
    fwrite(b.at, 1, len, out);
    fputs(column > width ? "...\n" : "\n", out);
    buf_done(&b);
}

/* A finding's headline in a language; the field itself where the model has no other. */
static const char *headline_of(const json_t *finding, const char *language)
{
    const json_t *text = json_object_get(json_object_get(finding, "text"), language);
    const char *said = string_of(text, "headline");
    return said[0] ? said : string_of(finding, "headline");
}

/* The finding's share, where its headline has no number of its own. */
static void add_share(struct buf *line, const json_t *finding, const char *headline)
{
    const json_t *share = json_object_get(json_object_get(finding, "values"), "share");
    if (!json_is_object(share) || strpbrk(headline, "0123456789"))
        return;
    buf_format(line, ": %.3g%% (%.3g to %.3g)", 100 * number_of(share, "value"),
               100 * number_of(share, "low"), 100 * number_of(share, "high"));
}

/* When there are too many: the first of each of these, then the others in order. */
static const char *const preferred[] = {"use",        "service-first", "entertainment",
                                        "busy-hours", "weekdays",      "presence",
                                        "events",     "onset-",        "served"};
enum { PREFERRED = sizeof(preferred) / sizeof(preferred[0]) };

static void choose(const json_t *findings, bool *shown)
{
    size_t count = json_array_size(findings), chosen = 0;
    for (size_t p = 0; p < PREFERRED && chosen < FINDINGS_MAX; p++)
        for (size_t i = 0; i < count; i++) {
            const char *id = string_of(json_array_get(findings, i), "id");
            if (shown[i] || strncmp(id, preferred[p], strlen(preferred[p])) != 0)
                continue;
            shown[i] = true;
            chosen++;
            break;
        }
    for (size_t i = 0; i < count && chosen < FINDINGS_MAX; i++)
        if (!shown[i])
            shown[i] = true, chosen++;
}

void report_print_summary(const json_t *model, FILE *out, int width)
{
    report_print_summary_in(model, "en", out, width);
}

void report_print_summary_in(const json_t *model, const char *language, FILE *out, int width)
{
    bool japanese = strcmp(language, "ja") == 0;
    const json_t *study = json_object_get(model, "study");
    const json_t *findings = json_object_get(model, "findings");
    struct buf line;
    bool *shown = memory_array(json_array_size(findings) + 1, sizeof(*shown));
    size_t hidden = 0;
    choose(findings, shown);
    width = width < WIDTH_MIN ? WIDTH_MIN : width;
    buf_init(&line, LINE_OCTETS_MAX);
    buf_format(&line, "%s, %s to %s (%s)", string_of(study, "name"), string_of(study, "from"),
               string_of(study, "to"), string_of(study, "timezone"));
    print_line(out, line.at, width);
    for (size_t i = 0; i < json_array_size(findings); i++) {
        const json_t *f = json_array_get(findings, i);
        if (!shown[i]) {
            hidden++;
            continue;
        }
        buf_clear(&line);
        const char *headline = headline_of(f, language);
        buf_format(&line, "  %s", headline);
        add_share(&line, f, headline);
        print_line(out, line.at, width);
    }
    if (hidden > 0)
        fprintf(out, japanese ? "  報告書にほか%zu件\n" : "  and %zu more in the report\n", hidden);
    free(shown);
    buf_done(&line);
}
