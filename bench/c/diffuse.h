/* Error diffusion in raster order by other weights: included once for each of them.
 *
 *   NAME      names the functions, NAME_textbook and NAME_gather
 *   DIVISOR   what the weights are divided by
 *   TAPS(T)   T(dx, dy, weight) for each pixel to come, in the order in which one pixel gets them
 *
 * want = src + floor((sum of weights times errors + DIVISOR / 2) / DIVISOR)
 * got  = want >= 128 ? 255 : 0          e = want - got
 *
 * Everything is times DIVISOR, and OFFSET levels up, where a quotient needs no sign.
 */
#define JOIN(name, variant) name##_##variant
#define FUNCTION(name, variant) JOIN(name, variant)
#define PUSH(dx, dy, weight) here[(dy) * stride + (dx)] += (weight) * e;
#define TAKE(dx, dy, weight) + (weight) * ERROR_##dy(dx)

/* The textbook: a plane of errors, pushed to the neighbours to come. */
void FUNCTION(NAME, textbook)(const uint8_t *restrict src, uint8_t *restrict dst,
                              int32_t *restrict plane, long w, long h)
{
    long stride = w + 2 * MARGIN;
    memset(plane, 0, sizeof *plane * (size_t)(stride * (h + LINES - 1)));
    for (long y = 0; y < h; y++)
        for (long x = 0; x < w; x++) {
            int32_t *here = plane + y * stride + x + MARGIN;
            uint32_t sum = (uint32_t)(*here + DIVISOR / 2 + OFFSET * DIVISOR);
            int32_t want = src[y * w + x] + (int32_t)(sum / DIVISOR) - OFFSET;
            int32_t got = want >= THRESHOLD ? 255 : 0;
            int32_t e = want - got;
            dst[y * w + x] = (uint8_t)got;
            TAPS(PUSH)
        }
}

/* Gather: the rows above as errors, those of this row in registers too. */
void FUNCTION(NAME, gather)(const uint8_t *restrict src, uint8_t *restrict dst,
                            int32_t *restrict ring, long w, long h)
{
    long stride = w + 2 * MARGIN;
    memset(ring, 0, sizeof *ring * (size_t)(stride * LINES));
    for (long y = 0; y < h; y++) {
        const int32_t *restrict above1 = ring + (y + LINES - 1) % LINES * stride + MARGIN;
        const int32_t *restrict above2 = ring + (y + LINES - 2) % LINES * stride + MARGIN;
        const int32_t *restrict above3 = ring + (y + LINES - 3) % LINES * stride + MARGIN;
        int32_t *restrict here = ring + y % LINES * stride + MARGIN;
        int32_t before1 = 0, before2 = 0;
        (void)above2, (void)above3;
        for (long x = 0; x < w; x++) {
            int32_t early = src[x] * DIVISOR + DIVISOR / 2 + OFFSET * DIVISOR;
            int32_t sum = early TAPS(TAKE);
            int32_t want = (int32_t)((uint32_t)sum / DIVISOR) - OFFSET;
            int is_white = sum >= (THRESHOLD + OFFSET) * DIVISOR;
            int32_t e = is_white ? want - 255 : want;
            dst[x] = (uint8_t)-is_white;
            here[x] = e;
            before2 = before1;
            before1 = e;
        }
        (void)before2;
        src += w;
        dst += w;
    }
}

#undef JOIN
#undef FUNCTION
#undef PUSH
#undef TAKE
#undef NAME
#undef DIVISOR
#undef TAPS
