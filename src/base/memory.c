#include "sculptor/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sculptor/error.h"

enum { ALIGNMENT = 64 }; /* a cache line, and an AVX-512 vector */

void *allocate(size_t count, size_t size)
{
        if (size > 0 && count > (SIZE_MAX - ALIGNMENT) / size)
                fatal("cannot count %zu items of %zu bytes", count, size);
        size_t bytes = (count * size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        if (bytes == 0)
                bytes = ALIGNMENT;
        void *memory = aligned_alloc(ALIGNMENT, bytes);
        if (!memory)
                fatal("out of memory: %.1f MiB more were asked for; use more ranks or nodes, or fewer particles",
                      (double)bytes / 1048576.0);
        return memset(memory, 0, bytes);
}

char *copy_text(const char *text)
{
        if (!text)
                return NULL;
        size_t length = strlen(text) + 1;
        return memcpy(allocate(length, 1), text, length);
}

char *format_text(const char *format, ...)
{
        va_list arguments, again;
        va_start(arguments, format);
        va_copy(again, arguments);
        int length = vsnprintf(NULL, 0, format, arguments);
        va_end(arguments);
        if (length < 0)
                fatal("cannot format \"%s\"", format);
        char *text = allocate((size_t)length + 1, 1);
        vsnprintf(text, (size_t)length + 1, format, again);
        va_end(again);
        return text;
}

size_t memory_peak(void)
{
        FILE *status = fopen("/proc/self/status", "r");
        if (!status)
                return 0;
        char line[256];
        size_t kib = 0;
        const char key[] = "VmHWM:";
        while (kib == 0 && fgets(line, sizeof line, status))
                if (strncmp(line, key, sizeof key - 1) == 0)
                        kib = strtoul(line + sizeof key - 1, NULL, 10);
        fclose(status);
        return kib * 1024;
}
