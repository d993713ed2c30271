/* Floyd-Steinberg in floats. What a pixel gets is added in the order in which it was sent. */
#include "work.h"

static const float AHEAD = 7.0f / 16.0f, BEHIND_BELOW = 3.0f / 16.0f, BELOW = 5.0f / 16.0f,
                   AHEAD_BELOW = 1.0f / 16.0f, THRESHOLD = 128.0f;

/* The textbook: a plane of errors, pushed to the four neighbours to come. */
void raster_f32_textbook(const uint8_t *restrict src, uint8_t *restrict dst,
                         float *restrict plane, long w, long h)
{
    long stride = w + 2;
    memset(plane, 0, sizeof *plane * (size_t)(stride * (h + 1)));
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            float *here = plane + y * stride + x + 1;
            float want = (float)src[y * w + x] + *here;
            float got = want >= THRESHOLD ? 255.0f : 0.0f;
            float e = want - got;
            dst[y * w + x] = (uint8_t)got;
            here[1] += e * AHEAD;
            here[stride - 1] += e * BEHIND_BELOW;
            here[stride] += e * BELOW;
            here[stride + 1] += e * AHEAD_BELOW;
        }
}

/* Gather: the pixel before in a register, of the row above two of three. */
void raster_f32_gather(const uint8_t *restrict src, uint8_t *restrict dst,
                       float *restrict rows, long w, long h)
{
    float *restrict above = rows + 1, *restrict here = rows + w + 3;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        float before = 0, left = 0, middle = above[0];
        for (long x = 0; x < w; x++) {
            float right = above[x + 1];
            float early = left * AHEAD_BELOW + middle * BELOW + right * BEHIND_BELOW;
            float want = (float)src[x] + (early + before * AHEAD);
            int is_white = want >= THRESHOLD;
            before = is_white ? want - 255.0f : want;
            dst[x] = (uint8_t)-is_white;
            here[x] = before;
            left = middle;
            middle = right;
        }
        src += w;
        dst += w;
        float *other = above;
        above = here;
        here = other;
    }
}

/* Scatter through registers: what the row below gets is summed on the way and stored once. */
void raster_f32_scatter(const uint8_t *restrict src, uint8_t *restrict dst,
                        float *restrict rows, long w, long h)
{
    float *restrict here = rows, *restrict below = rows + w + 2;
    memset(rows, 0, sizeof *rows * (size_t)(2 * (w + 2)));
    for (long y = 0; y < h; y++) {
        float ahead = 0, left = 0, middle = 0;
        for (long x = 0; x < w; x++) {
            float want = (float)src[x] + (here[x + 1] + ahead);
            int is_white = want >= THRESHOLD;
            float e = is_white ? want - 255.0f : want;
            dst[x] = (uint8_t)-is_white;
            ahead = e * AHEAD;
            below[x] = left + e * BEHIND_BELOW;
            left = middle + e * BELOW;
            middle = e * AHEAD_BELOW;
        }
        below[w] = left;
        src += w;
        dst += w;
        float *other = here;
        here = below;
        below = other;
    }
}
