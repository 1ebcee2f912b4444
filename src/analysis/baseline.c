/* SPDX-License-Identifier: Apache-2.0 */
#include "analysis/baseline.h"

#include "analysis/reference.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

enum { CODES = 65536, LINE_MAX_OCTETS = 256 };

static void load_default(struct analysis *a, struct baseline *b)
{
    double all = country_blocks_all();
    (void)a;
    b->kind = "default";
    b->name = "the services' own countries, weighed by their use, and for what has no service each "
              "country's part of the announced IPv4 address space";
    b->date = "2022-10-29";
    for (unsigned code = 0; code < CODES; code++)
        if ((code >> 8) >= 'A' && (code & 0xff) >= 'A')
            b->expected[code] = country_blocks(code) / all;
}

/* "IN,0.031" or with quotes; false for a line that is neither that nor blank. */
static bool read_line(const char *line, struct baseline *b, double *sum)
{
    char country[3] = "";
    double share = 0;
    if (sscanf(line, " %2[A-Z] , %lf", country, &share) != 2 &&
        sscanf(line, " \"%2[A-Z]\" , %lf", country, &share) != 2)
        return line[strspn(line, " \t\r\n")] == 0;
    if (strlen(country) != 2 || !(share >= 0))
        return false;
    b->expected[country_code(country)] = share;
    *sum += share;
    return true;
}

static int load_table(const char *path, struct baseline *b, struct error *err)
{
    char line[LINE_MAX_OCTETS];
    double sum = 0;
    int number = 0, status = 0;
    FILE *in = fopen(path, "r");
    if (!in)
        return error_errno(err, "open baseline %s", path);
    while (status == 0 && fgets(line, sizeof(line), in)) {
        if (number++ == 0 && strncmp(line, "country", 7) == 0)
            continue;
        if (!read_line(line, b, &sum))
            status = error_set(err, ERROR_USAGE, "%s:%d: not \"country,share\" (IN,0.031)", path,
                               number);
    }
    fclose(in);
    if (status == 0 && sum <= 0)
        status = error_set(err, ERROR_USAGE, "%s: no shares in it", path);
    for (unsigned code = 0; status == 0 && code < CODES; code++)
        b->expected[code] /= sum;
    return status;
}

int baseline_load(struct analysis *a, struct baseline *ret, struct error *err)
{
    const char *name = a->study->baseline;
    ret->expected = arena_array(a->arena, CODES, sizeof(*ret->expected));
    if (!name || strcmp(name, "default") == 0) {
        load_default(a, ret);
        return 0;
    }
    if (a->in->baseline) {
        ret->kind = "study";
        ret->name = reference_name(a->in->baseline);
        ret->date = NULL;
        for (size_t i = 0; i < reference_rows(a->in->baseline, REFERENCE_COUNTRY); i++) {
            struct reference_row r = reference_row(a->in->baseline, REFERENCE_COUNTRY, i);
            ret->expected[country_code(r.id)] = r.share.value;
        }
        return 0;
    }
    ret->kind = "table";
    ret->name = name;
    ret->date = NULL;
    const char *path = name[0] == '/' ? name : arena_format(a->arena, "%s/%s", a->study->dir, name);
    return load_table(path, ret, err);
}
