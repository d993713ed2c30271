/* A kernel's object as a program of its own, for valgrind: `bench.instructions` writes plan.h.
 *
 *   ARENA_BYTES   the size of the arena
 *   ARGUMENTS     dimensions, then byte offsets of the buffers in the arena
 *   INPUTS        {offset, size} of each in image, which is filled with noise
 */
#include <stdalign.h>
#include <stddef.h>
#include <stdint.h>

#include "plan.h"

int64_t kernel(uint8_t *arena, const int64_t *arguments);

static alignas(64) uint8_t arena[ARENA_BYTES];

int main(void)
{
    uint32_t state = 1;
    for (size_t i = 0; i < sizeof INPUTS / sizeof *INPUTS; i++)
        for (int64_t k = 0; k < INPUTS[i][1]; k++) {
            state = state * 1664525 + 1013904223;
            arena[INPUTS[i][0] + k] = (uint8_t)(state >> 24);
        }
    return kernel(arena, ARGUMENTS) != 0;
}
