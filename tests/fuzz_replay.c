/* SPDX-License-Identifier: Apache-2.0 */
/* Runs a fuzz target over its stored seeds without a fuzzer: every file of the folders given, each
 * whole, and truncated at each offset (up to a bound, then at strides). Prints TAP. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static unsigned count;

static void replay(const char *path)
{
    FILE *f = fopen(path, "rb");
    if (!f)
        return;
    size_t size = 0, room = 1 << 22;
    uint8_t *data = malloc(room);
    size = data ? fread(data, 1, room, f) : 0;
    fclose(f);
    size_t stride = size / 2048 + 1;
    for (size_t cut = 0; cut < size; cut += stride) {
        /* A copy of exactly that size, so that a sanitizer sees one octet too many. */
        uint8_t *part = malloc(cut ? cut : 1);
        if (!part)
            break;
        memcpy(part, data, cut);
        LLVMFuzzerTestOneInput(part, cut);
        free(part);
    }
    LLVMFuzzerTestOneInput(data, size);
    free(data);
    printf("ok %u - %s\n", ++count, strrchr(path, '/') ? strrchr(path, '/') + 1 : path);
}

int main(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        DIR *dir = opendir(argv[i]);
        if (!dir) {
            printf("not ok %u - no seeds in %s\n", ++count, argv[i]);
            continue;
        }
        for (struct dirent *e; (e = readdir(dir));) {
            char path[4096];
            if (e->d_name[0] == '.')
                continue;
            snprintf(path, sizeof path, "%s/%s", argv[i], e->d_name);
            replay(path);
        }
        closedir(dir);
    }
    printf("1..%u\n", count);
    return 0;
}
