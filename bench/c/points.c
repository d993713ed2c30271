/* Pixel by pixel: ordered dither, linear light, conversion; and a filter that recurs. */
#include <math.h>

#include "work.h"

static inline int bayer_rank(long x, long y)
{
    long d = x ^ y;
    return (int)((d & 1) << 5 | (y & 1) << 4 | (d & 2) << 2 | (y & 2) << 1 | (d & 4) >> 1 |
                 (y & 4) >> 2);
}

/* Bayer's mask of 8 x 8, looked up. */
void bayer_textbook(const uint8_t *restrict src, uint8_t *restrict dst,
                    void *restrict scratch, long w, long h)
{
    uint8_t mask[8][8];
    (void)scratch;
    for (int y = 0; y < 8; y++)
        for (int x = 0; x < 8; x++)
            mask[y][x] = (uint8_t)(bayer_rank(x, y) * 4 + 1);
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++)
            dst[y * w + x] = src[y * w + x] > mask[y & 7][x & 7] ? 255 : 0;
}

/* A line of the mask as long as a row, so that all three are read alike. */
void bayer_rows(const uint8_t *restrict src, uint8_t *restrict dst,
                uint8_t *restrict lines, long w, long h)
{
    for (int y = 0; y < 8; y++)
        for (long x = 0; x < w; x++)
            lines[y * w + x] = (uint8_t)(bayer_rank(x & 7, y) * 4 + 1);
    for (long y = 0; y < h; y++) {
        const uint8_t *restrict line = lines + (y & 7) * w;
        for (long x = 0; x < w; x++)
            dst[x] = src[x] > line[x] ? 255 : 0;
        src += w;
        dst += w;
    }
}

/* The light of each sRGB code (IEC 61966-2-1), three channels a pixel. */
void linear_table(const uint8_t *restrict src, float *restrict dst,
                  void *restrict scratch, long w, long h)
{
    static float table[256];
    (void)scratch;
    for (int code = 0; code < 256 && table[255] == 0.0f; code++) {
        double v = code / 255.0;
        table[code] = (float)(v <= 0.04045 ? v / 12.92 : pow((v + 0.055) / 1.055, 2.4));
    }
    for (long i = 0; i < 3 * w * h; i++)
        dst[i] = table[src[i]];
}

/* Levels as floats. */
void to_float_loop(const uint8_t *restrict src, float *restrict dst,
                   void *restrict scratch, long w, long h)
{
    (void)scratch;
    for (long i = 0; i < w * h; i++)
        dst[i] = (float)src[i];
}

static const float KEEP = 0.75f;

/* Exponential smoothing along rows. */
void recursive_textbook(const uint8_t *restrict src, float *restrict dst,
                        void *restrict scratch, long w, long h)
{
    (void)scratch;
    for (long y = 0; y < h; y++) {
        float before = (float)src[0];
        for (long x = 0; x < w; x++)
            dst[x] = before = (float)src[x] * (1.0f - KEEP) + before * KEEP;
        src += w;
        dst += w;
    }
}

/* Eight rows at a time: a row alone waits for its own last pixel. */
void recursive_eight_rows(const uint8_t *restrict src, float *restrict dst,
                          void *restrict scratch, long w, long h)
{
    enum { ROWS = 8 };
    long y = 0;
    for (; y + ROWS <= h; y += ROWS) {
        float before[ROWS];
        for (int r = 0; r < ROWS; r++)
            before[r] = (float)src[(y + r) * w];
        for (long x = 0; x < w; x++)
            for (int r = 0; r < ROWS; r++) {
                before[r] = (float)src[(y + r) * w + x] * (1.0f - KEEP) + before[r] * KEEP;
                dst[(y + r) * w + x] = before[r];
            }
    }
    recursive_textbook(src + y * w, dst + y * w, scratch, w, h - y);
}
