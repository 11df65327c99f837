/* Runs spandsp's DTMF receiver over 16-bit PCM on standard input.
 *
 * listen: prints "samples_given digit" a report, fed in steps of 8 samples.
 * time:   feeds packets of 160 samples, five times over, and prints the least CPU nanoseconds a packet. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <spandsp.h>

static long given;
static int quiet;

static void report(void *user, const char *digits, int len)
{
    (void)user;
    for (int i = 0; !quiet && i < len; i++)
        printf("%ld %c\n", given, digits[i]);
}

static double cpu_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t);
    return t.tv_sec * 1e9 + t.tv_nsec;
}

int main(int argc, char **argv)
{
    size_t room = 1 << 20, len = 0, got;
    int16_t *pcm = malloc(room * sizeof *pcm);
    while (pcm && (got = fread(pcm + len, sizeof *pcm, room - len, stdin)) > 0)
        if ((len += got) == room)
            pcm = realloc(pcm, (room *= 2) * sizeof *pcm);
    if (!pcm)
        return 1;
    quiet = argc > 1 && !strcmp(argv[1], "time");
    double least = 1e18;
    for (int round = 0; round < (quiet ? 5 : 1); round++) {
        dtmf_rx_state_t *rx = dtmf_rx_init(NULL, report, NULL);
        size_t step = quiet ? 160 : 8;
        double start = cpu_ns();
        for (size_t at = 0; at + step <= len; at += step) {
            given = (long)(at + step);
            dtmf_rx(rx, pcm + at, (int)step);
        }
        double spent = (cpu_ns() - start) / (len / step + (len < step));
        least = spent < least ? spent : least;
        dtmf_rx_free(rx);
    }
    if (quiet)
        printf("%.1f\n", least);
    return 0;
}
