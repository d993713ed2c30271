/* What a careful C programmer writes: serial Floyd-Steinberg, raster order, 8-bit gray.
 *
 * want = src + floor((7 e(x-1,y) + 3 e(x+1,y-1) + 5 e(x,y-1) + e(x-1,y-1) + 8) / 16)
 * got  = want >= threshold ? 255 : 0          e = want - got
 *
 * All variants give the same bytes. `rows` holds 2 (w + 2) ints. Each is compiled by gcc and by
 * clang with -O3 -march=native and the best of them is what native code is compared with.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef void dither_fn(const uint8_t *restrict, uint8_t *restrict, int32_t *restrict, long, long,
                       int32_t);

/* The textbook: a plane of errors, pushed to the four neighbours to come. */
void dither_textbook(const uint8_t *restrict src, uint8_t *restrict dst, int32_t *restrict rows,
                     long w, long h, int32_t threshold)
{
    long stride = w + 2;
    int32_t *plane = calloc((size_t)(stride * (h + 1)), sizeof *plane);
    (void)rows;
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            int32_t *here = plane + y * stride + x + 1;
            int32_t want = src[y * w + x] + ((*here + 8) >> 4);
            int32_t got = want >= threshold ? 255 : 0;
            int32_t e = want - got;
            dst[y * w + x] = (uint8_t)got;
            here[1] += 7 * e;
            here[stride - 1] += 3 * e;
            here[stride] += 5 * e;
            here[stride + 1] += e;
        }
    free(plane);
}

/* Gather: one row of errors above, the pixel before in a register, the two others rotating. */
void dither_gather(const uint8_t *restrict src, uint8_t *restrict dst, int32_t *restrict rows,
                   long w, long h, int32_t threshold)
{
    int32_t *above = rows + 1, *here = rows + w + 3;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        int32_t before = 0, left = 0, middle = above[0];
        for (long x = 0; x < w; x++) {
            int32_t right = above[x + 1];
            int32_t sum = 3 * right + 5 * middle + left + 8;
            int32_t want = src[x] + ((sum + 7 * before) >> 4);
            int32_t got = want >= threshold ? 255 : 0;
            before = want - got;
            dst[x] = (uint8_t)got;
            here[x] = before;
            left = middle;
            middle = right;
        }
        src += w;
        dst += w;
        int32_t *other = above;
        above = here;
        here = other;
    }
}

/* Scatter through registers: what the row below gets is summed on the way and stored once. */
void dither_scatter(const uint8_t *restrict src, uint8_t *restrict dst, int32_t *restrict rows,
                    long w, long h, int32_t threshold)
{
    int32_t *here = rows, *below = rows + w + 2;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        int32_t ahead = 0, left = 0, middle = 0;
        for (long x = 0; x < w; x++) {
            int32_t want = src[x] + ((here[x + 1] + ahead + 8) >> 4);
            int32_t got = want >= threshold ? 255 : 0;
            int32_t e = want - got;
            dst[x] = (uint8_t)got;
            ahead = 7 * e;
            below[x] = left + 3 * e;
            left = middle + 5 * e;
            middle = e;
        }
        below[w] = left;
        src += w;
        dst += w;
        int32_t *other = here;
        here = below;
        below = other;
    }
}

/* Everything times 16: the shift leaves the chain from pixel to pixel, the test comes first. */
void dither_scaled(const uint8_t *restrict src, uint8_t *restrict dst, int32_t *restrict rows,
                   long w, long h, int32_t threshold)
{
    int32_t *above = rows + 1, *here = rows + w + 3;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        int32_t before = 0, left = 0, middle = above[0];
        for (long x = 0; x < w; x++) {
            int32_t right = above[x + 1];
            int32_t early = (src[x] << 4) + 3 * right + 5 * middle + left + 8;
            int32_t sum = early + 7 * before;
            int32_t want = sum >> 4;
            int32_t black = want, white = want - 255;
            int is_white = sum >= threshold << 4;
            before = is_white ? white : black;
            dst[x] = (uint8_t)-is_white;
            here[x] = before;
            left = middle;
            middle = right;
        }
        src += w;
        dst += w;
        int32_t *other = above;
        above = here;
        here = other;
    }
}

/* A line in either direction (d is a constant where this is inlined), below one that ran the
 * other way: what that pushed behind itself comes from ahead here. */
static inline void line(const uint8_t *restrict src, uint8_t *restrict dst,
                        const int32_t *restrict above, int32_t *restrict here, long w, long d,
                        int32_t threshold)
{
    long x = d > 0 ? 0 : w - 1;
    int32_t before = 0, left = 0, middle = above[x];
    for (long k = 0; k < w; k++, x += d) {
        int32_t right = above[x + d];
        int32_t early = (src[x] << 4) + right + 5 * middle + 3 * left + 8;
        int32_t sum = early + 7 * before;
        int32_t want = sum >> 4;
        int is_white = sum >= threshold << 4;
        before = is_white ? want - 255 : want;
        dst[x] = (uint8_t)-is_white;
        here[x] = before;
        left = middle;
        middle = right;
    }
}

/* Serpentine: odd rows from right to left, weights mirrored. */
void dither_serpentine(const uint8_t *restrict src, uint8_t *restrict dst, int32_t *restrict rows,
                       long w, long h, int32_t threshold)
{
    int32_t *above = rows + 1, *here = rows + w + 3;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        if (y & 1)
            line(src, dst, above, here, w, -1, threshold);
        else
            line(src, dst, above, here, w, 1, threshold);
        src += w;
        dst += w;
        int32_t *other = above;
        above = here;
        here = other;
    }
}

/* The mean seconds of `repeat` runs. */
double seconds(dither_fn *dither, const uint8_t *src, uint8_t *dst, int32_t *rows, long w, long h,
               int32_t threshold, int repeat)
{
    struct timespec start, stop;
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < repeat; i++)
        dither(src, dst, rows, w, h, threshold);
    clock_gettime(CLOCK_MONOTONIC, &stop);
    return ((double)(stop.tv_sec - start.tv_sec) + 1e-9 * (double)(stop.tv_nsec - start.tv_nsec)) /
           repeat;
}
