#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "io/agree.h"
#include "io/disk.h"
#include "io/weights_import.h"
#include "sculptor/memory.h"

enum { BLOCK = 1 << 16 }; /* numbers converted at a time */

int import_open(const char *path, uint64_t *size, const char **why)
{
        struct stat status;
        int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not make us wait */
        *why = NULL;
        if (fd < 0 || fstat(fd, &status) != 0)
                *why = reason_errno("read", path);
        else if (!S_ISREG(status.st_mode))
                *why = reason("cannot read %s: it is %s", path, S_ISDIR(status.st_mode) ? "a directory" : "not a file");
        else
                *size = (uint64_t)status.st_size;
        if (*why && fd >= 0)
                close(fd);
        return *why ? -1 : fd;
}

char *import_printable(char *text)
{
        for (char *c = text; *c; c++)
                if (*c < ' ' || *c > '~')
                        *c = '?';
        return text;
}

/* ---- numbers ---- */

size_t import_number_bytes(enum import_number number)
{
        return number == IMPORT_F64 ? 8 : number == IMPORT_F32 ? 4 : 2;
}

bool import_count(const struct import_array *array, uint64_t *n)
{
        *n = 1;
        for (int axis = 0; axis < array->rank; axis++)
                if (array->shape[axis] < 0 || __builtin_mul_overflow(*n, (uint64_t)array->shape[axis], n))
                        return false;
        return *n <= UINT64_C(1) << 40;
}

static float float_of_bits(uint32_t bits)
{
        float value;
        memcpy(&value, &bits, sizeof value);
        return value;
}

/* Half precision [IEEE 754-2008]: 1 sign, 5 exponent and 10 fraction bits. Exact. */
static float widen_half(uint16_t half)
{
        const uint32_t sign = (uint32_t)(half >> 15) << 31, exponent = half >> 10 & 31, fraction = half & 1023;
        if (exponent == 0) /* fraction 2^-24 */
                return (sign ? -1.0f : 1.0f) * (float)fraction * 0x1p-24f;
        return float_of_bits(sign | (exponent == 31 ? 255 : exponent + 112) << 23 | fraction << 13);
}

static void convert(enum import_number number, size_t n, const unsigned char *bytes, float *value)
{
        for (size_t i = 0; i < n; i++) {
                uint16_t half;
                double wide;
                switch (number) {
                case IMPORT_F16:
                        memcpy(&half, bytes + 2 * i, sizeof half);
                        value[i] = widen_half(half);
                        break;
                case IMPORT_BF16:
                        memcpy(&half, bytes + 2 * i, sizeof half);
                        value[i] = float_of_bits((uint32_t)half << 16);
                        break;
                case IMPORT_F32:
                        memcpy(&value[i], bytes + 4 * i, sizeof value[i]);
                        break;
                case IMPORT_F64:
                        memcpy(&wide, bytes + 8 * i, sizeof wide);
                        value[i] = (float)wide;
                        break;
                }
        }
}

bool import_read_values(int fd, const struct import_array *array, size_t n, float *value)
{
        const size_t size = import_number_bytes(array->number);
        unsigned char *bytes = allocate(BLOCK, size);
        bool ok = true;
        for (size_t done = 0; done < n && ok; done += BLOCK) {
                const size_t count = n - done < BLOCK ? n - done : BLOCK;
                ok = disk_read(fd, bytes, count * size, (int64_t)(array->offset + done * size));
                if (ok)
                        convert(array->number, count, bytes, value + done);
        }
        free(bytes);
        return ok;
}
