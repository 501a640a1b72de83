#include "io/path.h"

#include <string.h>

#include "sculptor/memory.h"

char *path_directory(const char *path)
{
        const char *slash = strrchr(path, '/');
        if (!slash)
                return copy_text(".");
        size_t length = slash == path ? 1 : (size_t)(slash - path);
        return format_text("%.*s", (int)length, path);
}

const char *path_name(const char *path)
{
        const char *slash = strrchr(path, '/');
        return slash ? slash + 1 : path;
}

char *path_join(const char *directory, const char *name)
{
        size_t length = strlen(directory);
        return format_text("%s%s%s", directory, length > 0 && directory[length - 1] == '/' ? "" : "/", name);
}

char *path_part(const char *path)
{
        return format_text("%.*s.%s.part", (int)(path_name(path) - path), path, path_name(path));
}
