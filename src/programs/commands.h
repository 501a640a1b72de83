/* The commands of the program, one file each. */
#ifndef SCULPTOR_PROGRAMS_COMMANDS_H
#define SCULPTOR_PROGRAMS_COMMANDS_H

/* What follows the command's name; the result is the exit status. */
int command_sample(int argc, char **argv);
int command_forward(int argc, char **argv);
int command_invert(int argc, char **argv);
int command_check(int argc, char **argv);
int command_field(int argc, char **argv);
int command_likelihood(int argc, char **argv);
int command_train(int argc, char **argv);
int command_inspect(int argc, char **argv);
int command_hash(int argc, char **argv);
int command_help(int argc, char **argv);

#endif
