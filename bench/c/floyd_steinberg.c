/* What a careful C programmer writes: serial Floyd-Steinberg, 8-bit gray, integers.
 *
 * want = src + floor((7 e(x-1,y) + 3 e(x+1,y-1) + 5 e(x,y-1) + e(x-1,y-1) + 8) / 16)
 * got  = want >= 128 ? 255 : 0          e = want - got
 */
#include "work.h"

enum { THRESHOLD = 128 };

/* The textbook: a plane of errors, pushed to the four neighbours to come. */
void raster_textbook(const uint8_t *restrict src, uint8_t *restrict dst,
                     int32_t *restrict plane, long w, long h)
{
    long stride = w + 2;
    memset(plane, 0, sizeof *plane * (size_t)(stride * (h + 1)));
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            int32_t *here = plane + y * stride + x + 1;
            int32_t want = src[y * w + x] + ((*here + 8) >> 4);
            int32_t got = want >= THRESHOLD ? 255 : 0;
            int32_t e = want - got;
            dst[y * w + x] = (uint8_t)got;
            here[1] += 7 * e;
            here[stride - 1] += 3 * e;
            here[stride] += 5 * e;
            here[stride + 1] += e;
        }
}

/* Gather: one row of errors above, the pixel before in a register, the two others rotating. */
void raster_gather(const uint8_t *restrict src, uint8_t *restrict dst,
                   int32_t *restrict rows, long w, long h)
{
    int32_t *restrict above = rows + 1, *restrict here = rows + w + 3;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        int32_t before = 0, left = 0, middle = above[0];
        for (long x = 0; x < w; x++) {
            int32_t right = above[x + 1];
            int32_t sum = 3 * right + 5 * middle + left + 8;
            int32_t want = src[x] + ((sum + 7 * before) >> 4);
            int32_t got = want >= THRESHOLD ? 255 : 0;
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
void raster_scatter(const uint8_t *restrict src, uint8_t *restrict dst,
                    int32_t *restrict rows, long w, long h)
{
    int32_t *restrict here = rows, *restrict below = rows + w + 2;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        int32_t ahead = 0, left = 0, middle = 0;
        for (long x = 0; x < w; x++) {
            int32_t want = src[x] + ((here[x + 1] + ahead + 8) >> 4);
            int32_t got = want >= THRESHOLD ? 255 : 0;
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

/* A line in either direction (d is a constant where this is inlined). Everything is times 16: the
 * shift leaves the chain from pixel to pixel, the test comes first. `behind` and `ahead` are the
 * weights of what lies above, before and after the pixel in the direction of travel. */
static inline void line(const uint8_t *restrict src, uint8_t *restrict dst,
                        const int32_t *restrict above, int32_t *restrict here, long w, long d,
                        int32_t behind, int32_t ahead)
{
    long x = d > 0 ? 0 : w - 1;
    int32_t before = 0, left = 0, middle = above[x];
    for (long k = 0; k < w; k++, x += d) {
        int32_t right = above[x + d];
        int32_t early = (src[x] << 4) + ahead * right + 5 * middle + behind * left + 8;
        int32_t sum = early + 7 * before;
        int32_t want = sum >> 4;
        int is_white = sum >= THRESHOLD << 4;
        before = is_white ? want - 255 : want;
        dst[x] = (uint8_t)-is_white;
        here[x] = before;
        left = middle;
        middle = right;
    }
}

static inline void scaled(const uint8_t *restrict src, uint8_t *restrict dst,
                          int32_t *restrict rows, long w, long h, int turns)
{
    int32_t *above = rows + 1, *here = rows + w + 3;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        if (!turns)
            line(src, dst, above, here, w, 1, 1, 3);
        else if (y & 1)
            line(src, dst, above, here, w, -1, 3, 1);
        else
            line(src, dst, above, here, w, 1, 3, 1);
        src += w;
        dst += w;
        int32_t *other = above;
        above = here;
        here = other;
    }
}

void raster_scaled(const uint8_t *restrict src, uint8_t *restrict dst,
                   int32_t *restrict rows, long w, long h)
{
    scaled(src, dst, rows, w, h, 0);
}

/* Odd rows from right to left: what the row above pushed behind itself comes from ahead. */
void serpentine_scaled(const uint8_t *restrict src, uint8_t *restrict dst,
                       int32_t *restrict rows, long w, long h)
{
    scaled(src, dst, rows, w, h, 1);
}

/* Ahead, behind-below, below, ahead-below; seen from outside, so that no compiler knows them. */
int32_t weights[4] = {7, 3, 5, 1};

/* Gather with weights and divisor that are known when it runs. */
void raster_run_time(const uint8_t *restrict src, uint8_t *restrict dst,
                     int32_t *restrict rows, long w, long h)
{
    int32_t *restrict above = rows + 1, *restrict here = rows + w + 3;
    int32_t a = weights[0], b = weights[1], c = weights[2], d = weights[3];
    int32_t total = a + b + c + d;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        int32_t before = 0, left = 0, middle = above[0];
        for (long x = 0; x < w; x++) {
            int32_t right = above[x + 1];
            int32_t sum = b * right + c * middle + d * left + total / 2 + a * before;
            int32_t quotient = sum / total;
            int32_t want = src[x] + quotient - (quotient * total > sum);
            int32_t got = want >= THRESHOLD ? 255 : 0;
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
