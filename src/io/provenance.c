#include "io/provenance.h"

#include <time.h>

static void put(hid_t file, const char *name, const char *text)
{
        hdf5_put_text(file, name, text ? text : "");
}

void provenance_put(hid_t file, const char *title, const struct provenance *provenance)
{
        char date[64] = "";
        time_t now = time(NULL);
        struct tm calendar;
        if (gmtime_r(&now, &calendar))
                strftime(date, sizeof date, "%Y-%m-%d %H:%M:%S +0000", &calendar);
        put(file, "title", title);
        put(file, "Conventions", "CF-1.8");
        put(file, "software", "sculptor");
        put(file, "date", date);
        if (!provenance)
                return;
        put(file, "softwareVersion", provenance->version);
        put(file, "softwareDependencies", provenance->dependencies);
        put(file, "machine", provenance->machine);
        put(file, "commit", provenance->commit);
        put(file, "input_text", provenance->input_text);
        put(file, "overrides", provenance->overrides);
        put(file, "parameters", provenance->parameters);
        hdf5_put_integer(file, "seed", provenance->seed);
}
