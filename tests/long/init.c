/* The first process of a machine that exists for one program: runs /bits, lets its last words leave through the
 * serial port, and switches the machine off. */
#define _DEFAULT_SOURCE
#include <stdio.h>
#include <sys/reboot.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

int main(void)
{
        const pid_t child = fork();
        if (child == 0) {
                execl("/bits", "/bits", (char *)NULL);
                perror("/bits");
                _exit(127);
        }
        int status = 0;
        waitpid(child, &status, 0);
        printf("status %x\n", (unsigned)status);
        fflush(stdout);
        tcdrain(STDOUT_FILENO);
        return reboot(RB_POWER_OFF);
}
