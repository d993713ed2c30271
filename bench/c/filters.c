/* Filters of neighbourhoods: Gaussian, Sobel, median. Loops along rows are for the vectoriser. */
#include <math.h>

#include "work.h"

enum { TAPS = 11, HALF = 5, RING = 16 };

/* A Gaussian of deviation 1.2, normalised to 1. */
static const float KERNEL[TAPS] = {
    0x1.d9b2eep-15f, 0x1.50eab6p-10f, 0x1.dea402p-7f, 0x1.538cacp-4f, 0x1.e1217cp-3f,
    0x1.546e7ep-2f, 0x1.e1217cp-3f, 0x1.538cacp-4f, 0x1.dea402p-7f, 0x1.50eab6p-10f,
    0x1.d9b2eep-15f};

static inline float light(uint8_t level)
{
    return (float)level / 255.0f;
}

/* The textbook: a plane of light, one filtered along rows, a mirror for every tap. */
void gaussian_textbook(const uint8_t *restrict src, float *restrict dst,
                       float *restrict a, long w, long h)
{
    float *restrict b = a + w * h;
    for (long i = 0; i < w * h; i++)
        a[i] = light(src[i]);
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            float sum = a[y * w + mirror(x - HALF, w)] * KERNEL[0];
            for (int i = 1; i < TAPS; i++)
                sum += a[y * w + mirror(x + i - HALF, w)] * KERNEL[i];
            b[y * w + x] = sum;
        }
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            float sum = b[mirror(y - HALF, h) * w + x] * KERNEL[0];
            for (int i = 1; i < TAPS; i++)
                sum += b[mirror(y + i - HALF, h) * w + x] * KERNEL[i];
            dst[y * w + x] = sum;
        }
}

/* Eleven products, added from left to right. */
#define ELEVEN(tap)                                                                              \
    (tap(0) + tap(1) + tap(2) + tap(3) + tap(4) + tap(5) + tap(6) + tap(7) + tap(8) + tap(9) +   \
     tap(10))

static void along(const uint8_t *restrict src, float *restrict padded, float *restrict dst, long w)
{
    for (long x = 0; x < w; x++)
        padded[x + HALF] = light(src[x]);
    for (long x = 1; x <= HALF; x++) {
        padded[HALF - x] = padded[HALF + mirror(-x, w)];
        padded[HALF + w - 1 + x] = padded[HALF + mirror(w - 1 + x, w)];
    }
#define TAP(i) padded[x + i] * KERNEL[i]
    for (long x = 0; x < w; x++)
        dst[x] = ELEVEN(TAP);
#undef TAP
}

static void downwards(const float *const *row, float *restrict dst, long w)
{
#define TAP(i) row[i][x] * KERNEL[i]
    for (long x = 0; x < w; x++)
        dst[x] = ELEVEN(TAP);
#undef TAP
}

/* In one sweep: rows are filtered once, into a ring, and the ring is filtered downwards. */
void gaussian_ring(const uint8_t *restrict src, float *restrict dst, float *restrict padded,
                   long w, long h)
{
    float *ring = padded + w + 2 * HALF;
    long done = 0;
    for (long y = 0; y < h; y++) {
        for (; done < h && done <= y + HALF; done++)
            along(src + done * w, padded, ring + done % RING * w, w);
        const float *row[TAPS];
        for (int i = 0; i < TAPS; i++)
            row[i] = ring + mirror(y + i - HALF, h) % RING * w;
        downwards(row, dst, w);
        dst += w;
    }
}

static inline uint8_t gradient(const uint8_t *a, const uint8_t *b, const uint8_t *c, long left,
                               long x, long right)
{
    int gx = a[right] + 2 * b[right] + c[right] - a[left] - 2 * b[left] - c[left];
    int gy = c[left] + 2 * c[x] + c[right] - a[left] - 2 * a[x] - a[right];
    int root = (int)sqrtf((float)(gx * gx + gy * gy)); /* exact: below 2^24 */
    return (uint8_t)(root > 255 ? 255 : root);
}

/* The textbook: every place clamped. */
void sobel_textbook(const uint8_t *restrict src, uint8_t *restrict dst,
                    void *restrict scratch, long w, long h)
{
    (void)scratch;
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            const uint8_t *a = src + (y > 0 ? y - 1 : 0) * w;
            const uint8_t *c = src + (y + 1 < h ? y + 1 : y) * w;
            dst[y * w + x] = gradient(a, src + y * w, c, x > 0 ? x - 1 : 0, x,
                                      x + 1 < w ? x + 1 : x);
        }
}

/* The first and the last pixel of a row apart from the rest. */
void sobel_interior(const uint8_t *restrict src, uint8_t *restrict dst,
                    void *restrict scratch, long w, long h)
{
    (void)scratch;
    for (long y = 0; y < h; y++) {
        const uint8_t *a = src + (y > 0 ? y - 1 : 0) * w, *b = src + y * w;
        const uint8_t *c = src + (y + 1 < h ? y + 1 : y) * w;
        dst[0] = gradient(a, b, c, 0, 0, w > 1);
        for (long x = 1; x < w - 1; x++)
            dst[x] = gradient(a, b, c, x - 1, x, x + 1);
        if (w > 1)
            dst[w - 1] = gradient(a, b, c, w - 2, w - 1, w - 1);
        dst += w;
    }
}

/* The textbook: nine values, sorted by insertion. */
void median_textbook(const uint8_t *restrict src, uint8_t *restrict dst,
                     void *restrict scratch, long w, long h)
{
    (void)scratch;
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            uint8_t sorted[9];
            for (int i = 0; i < 9; i++) {
                uint8_t v = src[mirror(y + i / 3 - 1, h) * w + mirror(x + i % 3 - 1, w)];
                int at = i;
                for (; at > 0 && sorted[at - 1] > v; at--)
                    sorted[at] = sorted[at - 1];
                sorted[at] = v;
            }
            dst[y * w + x] = sorted[4];
        }
}

static inline uint8_t least(uint8_t a, uint8_t b)
{
    return a < b ? a : b;
}

static inline uint8_t most(uint8_t a, uint8_t b)
{
    return a < b ? b : a;
}

static inline uint8_t middle(uint8_t a, uint8_t b, uint8_t c)
{
    return most(least(a, b), least(most(a, b), c));
}

static void sort_columns(const uint8_t *restrict a, const uint8_t *restrict b,
                         const uint8_t *restrict c, uint8_t *restrict low, uint8_t *restrict mid,
                         uint8_t *restrict high, long w)
{
    for (long x = 0; x < w; x++) {
        uint8_t less = least(a[x], b[x]), more = most(a[x], b[x]);
        low[x] = least(less, c[x]);
        mid[x] = most(less, least(more, c[x]));
        high[x] = most(more, c[x]);
    }
}

static void middle_row(const uint8_t *restrict low, const uint8_t *restrict mid,
                       const uint8_t *restrict high, uint8_t *restrict dst, long w)
{
    for (long x = 0; x < w; x++)
        dst[x] = middle(most(most(low[x], low[x + 1]), low[x + 2]),
                        middle(mid[x], mid[x + 1], mid[x + 2]),
                        least(least(high[x], high[x + 1]), high[x + 2]));
}

/* Columns of three are sorted once; the median is the middle of the greatest of the least, the
 * middle of the middle ones, and the least of the greatest. */
void median_columns(const uint8_t *restrict src, uint8_t *restrict dst,
                    uint8_t *restrict scratch, long w, long h)
{
    uint8_t *low = scratch, *mid = low + w + 64, *high = mid + w + 64;
    for (long y = 0; y < h; y++) {
        const uint8_t *a = src + (y > 0 ? y - 1 : 0) * w, *b = src + y * w;
        const uint8_t *c = src + (y + 1 < h ? y + 1 : y) * w;
        sort_columns(a, b, c, low + 1, mid + 1, high + 1, w);
        low[0] = low[1], mid[0] = mid[1], high[0] = high[1];
        low[w + 1] = low[w], mid[w + 1] = mid[w], high[w + 1] = high[w];
        middle_row(low, mid, high, dst, w);
        dst += w;
    }
}
