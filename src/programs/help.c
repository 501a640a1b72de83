#include <stdio.h>
#include <string.h>

#include "commands.h"
#include "sculptor/error.h"
#include "sculptor/params.h"
#include "sculptor/run.h"

static void print_usage(void)
{
        puts("Sculptor carves samples out of noise: populations of particles under Langevin dynamics.\n"
             "\n"
             "  mpirun -n 2 sculptor sample INPUT.yaml   run, or go on from the newest checkpoint\n"
             "  sculptor check INPUT.yaml                validate; predict memory, files and evaluations\n"
             "  mpirun -n 2 sculptor forward INPUT.yaml  noise the first population through all levels, data to noise\n"
             "  mpirun -n 2 sculptor invert INPUT.yaml   take data to their latents, by a sampler that is an ODE\n"
             "  mpirun -n 2 sculptor train INPUT.yaml    learn a score from data, into weights to sample with\n"
             "  mpirun -n 2 sculptor inspect INPUT.yaml  hold a score, and samples, against the truth\n"
             "  mpirun -n 2 sculptor field INPUT.yaml    draw random fields of the score exactly, without a sampler\n"
             "  mpirun -n 2 sculptor likelihood INPUT.yaml   log p of data by the probability flow: exact, or by "
             "probes\n"
             "  sculptor hash FILE...                    SHA-256 of the payload of a snapshot, checkpoint or weights\n"
             "  sculptor help [TOPIC]                    samplers, scores, schedules, networks, or any key or name\n"
             "  sculptor help --all                      every key of the input file\n"
             "\n"
             "Options of sample:");
        options_help("sample", stdout);
        puts("\nOptions of forward and invert:");
        options_help("forward", stdout);
        puts("\nOptions of train:");
        options_help("train", stdout);
        puts("\nOptions of inspect:");
        options_help("inspect", stdout);
        puts("\nOptions of field:");
        options_help("field", stdout);
        puts("\nOptions of likelihood:");
        options_help("likelihood", stdout);
        puts("\nOptions of check:");
        options_help("check", stdout);
        puts("\n"
             "An input file:\n"
             "  seed: 2026\n"
             "  population: {particles: 60000, initial: {type: uniform, low: -8, high: 8}}\n"
             "  score:\n"
             "    type: gaussian_mixture\n"
             "    components:\n"
             "      - {weight: 0.8, mean: [5, 5], sigma: 1}\n"
             "      - {weight: 0.2, mean: [-5, -5], sigma: 1}\n"
             "  levels: {type: geometric, sigma_max: 20, sigma_min: 1, count: 10}\n"
             "  sampler: {type: annealed_langevin, scheme: ula, step_size: 0.05, steps_per_level: 100}\n"
             "  output: {directory: runs/toy}\n"
             "\n"
             "Exit status: 0 done; 2 bad input; 3 failed at run time, the last good checkpoint is named;\n"
             "75 stopped early (signal, --max-seconds) with a valid checkpoint: the same line goes on.");
}

int command_help(int argc, char **argv)
{
        if (argc == 0) {
                print_usage();
                return STATUS_DONE;
        }
        if (strcmp(argv[0], "--all") == 0) {
                params_help_all(input_rows, stdout);
                return STATUS_DONE;
        }
        if (strcmp(argv[0], "--markdown") == 0) {
                params_markdown(input_rows, stdout);
                return STATUS_DONE;
        }
        for (int i = 0; i < argc; i++) {
                if (params_help_topic(input_rows, argv[i], stdout))
                        continue;
                const char *near = params_nearest_topic(input_rows, argv[i]);
                fprintf(stderr, "sculptor: no help on \"%s\"; %s%s%s sculptor help --all lists every key\n", argv[i],
                        near ? "did you mean " : "try samplers, scores, schedules or initials", near ? near : "",
                        near ? "?" : ";");
                return STATUS_BAD_INPUT;
        }
        return STATUS_DONE;
}
