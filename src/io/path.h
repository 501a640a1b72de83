/* Names of files and directories. All local; the caller frees what is made. */
#ifndef SCULPTOR_IO_PATH_H
#define SCULPTOR_IO_PATH_H

char *path_directory(const char *path);  /* "." where there is none */
const char *path_name(const char *path); /* what follows the last '/': points into path */
char *path_join(const char *directory, const char *name);

/* "run/a.h5" -> "run/.a.h5.part", where a file grows until it is whole. */
char *path_part(const char *path);

#endif
