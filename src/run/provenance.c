#include <gsl/gsl_version.h>
#include <stdio.h>
#include <unistd.h>
#include <yaml.h>

#include "pieces.h"
#include "sculptor/files.h"
#include "sculptor/mesh.h"
#include "sculptor/parallel.h"

#ifndef SCULPTOR_VERSION
#define SCULPTOR_VERSION "0.1.0"
#endif
#ifndef SCULPTOR_COMMIT
#define SCULPTOR_COMMIT "unknown"
#endif

const char *run_version(void)
{
        return "sculptor " SCULPTOR_VERSION " (" SCULPTOR_COMMIT ")";
}

struct provenance provenance_of(const struct run *run)
{
        static char dependencies[256], machine[256];
        snprintf(dependencies, sizeof dependencies, "%s;%s;%s;gsl@%s;libyaml@%s", hdf5_library(), parallel_library(),
                 mesh_library(), GSL_VERSION, yaml_get_version_string());
        if (gethostname(machine, sizeof machine - 1) != 0)
                snprintf(machine, sizeof machine, "unknown");
        parallel_broadcast(machine, sizeof machine, 0);
        return (struct provenance){.version = SCULPTOR_VERSION,
                                   .commit = SCULPTOR_COMMIT,
                                   .dependencies = dependencies,
                                   .machine = machine,
                                   .input_text = run->input_text,
                                   .overrides = run->overrides,
                                   .parameters = run->echo,
                                   .seed = run->settings.seed};
}
