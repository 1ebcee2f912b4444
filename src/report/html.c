/* SPDX-License-Identifier: Apache-2.0 */
/* The page comes whole from web/ (web/build.mjs); only the model goes into it, as JSON in a script
 * element of a type that no browser runs. In there nothing but "</script" and "<!--" has a meaning,
 * and JSON needs "<" only inside strings: written as an escape it can start neither, whatever names
 * the telemetry holds. U+2028 and U+2029 are escaped for readers that take JSON for JavaScript. */
#include "report/html.h"

#include <string.h>

#include "report/output.h"
#include "report/report.h"

/* Enough for any double to be read back as itself. */
enum { DIGITS = 17 };

/* From the generated report_page.c. */
extern const char report_page[];
extern const char report_page_end[];

static const char MARK[] = "@MODEL@";

/* U+2028 and U+2029 in UTF-8 are e2 80 a8 and e2 80 a9. */
static const unsigned char SEPARATOR[] = {0xe2, 0x80};
enum { LINE_SEPARATOR_END = 0xa8, PARAGRAPH_SEPARATOR_END = 0xa9 };

static void put_octet(struct html_escaper *e, unsigned char c)
{
    if (e->held == sizeof SEPARATOR && (c == LINE_SEPARATOR_END || c == PARAGRAPH_SEPARATOR_END)) {
        e->held = 0;
        fputs(c == LINE_SEPARATOR_END ? "\\u2028" : "\\u2029", e->out);
        return;
    }
    if (e->held < sizeof SEPARATOR && c == SEPARATOR[e->held]) {
        e->held++;
        return;
    }
    html_escape_end(e);
    if (c == SEPARATOR[0])
        e->held = 1;
    else if (c == '<')
        fputs("\\u003c", e->out);
    else
        putc(c, e->out);
}

void html_escape(struct html_escaper *e, const char *at, size_t len)
{
    for (size_t i = 0; i < len; i++)
        put_octet(e, (unsigned char)at[i]);
}

void html_escape_end(struct html_escaper *e)
{
    fwrite(SEPARATOR, 1, e->held, e->out);
    e->held = 0;
}

static int dump(const char *at, size_t len, void *escaper)
{
    struct html_escaper *e = escaper;
    html_escape(e, at, len);
    return ferror(e->out) ? -1 : 0;
}

bool report_has_language(const char *language)
{
    return strcmp(language, "en") == 0 || strcmp(language, "ja") == 0;
}

int report_write_html(const json_t *model, const char *path, struct error *err)
{
    return report_write_page(model, "en", path, err);
}

/* The page up to the model; the language it opens in is its root element's. */
static void write_head(FILE *out, const char *mark, const char *language)
{
    static const char root[] = "<html lang=\"en\">";
    size_t len = (size_t)(mark - report_page);
    const char *at = memmem(report_page, len, root, sizeof root - 1);
    if (!at || !report_has_language(language)) {
        fwrite(report_page, 1, len, out);
        return;
    }
    const char *rest = at + sizeof root - 1;
    fwrite(report_page, 1, (size_t)(at - report_page), out);
    fprintf(out, "<html lang=\"%s\">", language);
    fwrite(rest, 1, (size_t)(mark - rest), out);
}

int report_write_page(const json_t *model, const char *language, const char *path,
                      struct error *err)
{
    size_t page_len = (size_t)(report_page_end - report_page);
    const char *mark = memmem(report_page, page_len, MARK, sizeof MARK - 1);
    if (!mark)
        return error_set(err, ERROR_FAILED, "the page in this program has no place for a model");
    struct output o;
    int status = output_open(&o, path, err);
    if (status)
        return status;
    write_head(o.file, mark, language);
    struct html_escaper e = {.out = o.file};
    /* jansson fails also for a model that is no document; a failed write is output_commit()'s. */
    if (json_dump_callback(model, dump, &e, JSON_COMPACT | JSON_REAL_PRECISION(DIGITS)) &&
        !ferror(o.file)) {
        output_abort(&o);
        return error_set(err, ERROR_FAILED, "the report cannot be written as JSON");
    }
    html_escape_end(&e);
    const char *rest = mark + sizeof MARK - 1;
    fwrite(rest, 1, (size_t)(report_page_end - rest), o.file);
    return output_commit(&o, err);
}
