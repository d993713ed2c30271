/* What every function here looks like, but for types: an image of h rows of w pixels in, one out.
 * Compilers heed `restrict` on parameters only, so what matters stands in functions.
 *
 * `scratch` holds (w + 16) (h + 8) numbers of 8 bytes, aligned to 64, with anything in them.
 */
#include <stdint.h>
#include <string.h>

typedef void work(const void *in, void *out, void *scratch, long w, long h);

/* Mirrored at the edge, periodically: 1 0 | 0 1 2 | 2 1. */
static inline long mirror(long i, long n)
{
    long period = 2 * n, place = i % period;
    if (place < 0)
        place += period;
    return place < n ? place : period - 1 - place;
}
