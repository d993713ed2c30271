/* The classic kernels; where their weights are from stands in bench/kernels. */
#include "work.h"

enum { THRESHOLD = 128, LINES = 4, MARGIN = 4, OFFSET = 1024 };

#define ERROR_0(dx) before##dx
#define ERROR_1(dx) above1[x - (dx)]
#define ERROR_2(dx) above2[x - (dx)]
#define ERROR_3(dx) above3[x - (dx)]

#define NAME jarvis
#define DIVISOR 48
#define TAPS(T) \
    T(2, 2, 1) T(1, 2, 3) T(0, 2, 5) T(-1, 2, 3) T(-2, 2, 1) T(2, 1, 3) T(1, 1, 5) T(0, 1, 7) \
    T(-1, 1, 5) T(-2, 1, 3) T(2, 0, 5) T(1, 0, 7)
#include "diffuse.h"

#define NAME stucki
#define DIVISOR 42
#define TAPS(T) \
    T(2, 2, 1) T(1, 2, 2) T(0, 2, 4) T(-1, 2, 2) T(-2, 2, 1) T(2, 1, 2) T(1, 1, 4) T(0, 1, 8) \
    T(-1, 1, 4) T(-2, 1, 2) T(2, 0, 4) T(1, 0, 8)
#include "diffuse.h"

#define NAME atkinson
#define DIVISOR 8
#define TAPS(T) T(0, 2, 1) T(1, 1, 1) T(0, 1, 1) T(-1, 1, 1) T(2, 0, 1) T(1, 0, 1)
#include "diffuse.h"

#define NAME burkes
#define DIVISOR 32
#define TAPS(T) T(2, 1, 2) T(1, 1, 4) T(0, 1, 8) T(-1, 1, 4) T(-2, 1, 2) T(2, 0, 4) T(1, 0, 8)
#include "diffuse.h"

#define NAME sierra
#define DIVISOR 32
#define TAPS(T) \
    T(1, 2, 2) T(0, 2, 3) T(-1, 2, 2) T(2, 1, 2) T(1, 1, 4) T(0, 1, 5) T(-1, 1, 4) T(-2, 1, 2) \
    T(2, 0, 3) T(1, 0, 5)
#include "diffuse.h"

#define NAME sierra_two_row
#define DIVISOR 16
#define TAPS(T) T(2, 1, 1) T(1, 1, 2) T(0, 1, 3) T(-1, 1, 2) T(-2, 1, 1) T(2, 0, 3) T(1, 0, 4)
#include "diffuse.h"

#define NAME sierra_lite
#define DIVISOR 4
#define TAPS(T) T(0, 1, 1) T(-1, 1, 1) T(1, 0, 2)
#include "diffuse.h"

#define NAME false_floyd_steinberg
#define DIVISOR 8
#define TAPS(T) T(1, 1, 2) T(0, 1, 3) T(1, 0, 3)
#include "diffuse.h"

#define NAME fan
#define DIVISOR 16
#define TAPS(T) T(0, 1, 5) T(-1, 1, 3) T(-2, 1, 1) T(1, 0, 7)
#include "diffuse.h"

#define NAME shiau_fan
#define DIVISOR 16
#define TAPS(T) T(0, 1, 4) T(-1, 1, 2) T(-2, 1, 1) T(-3, 1, 1) T(1, 0, 8)
#include "diffuse.h"

#define NAME stevenson_arce
#define DIVISOR 200
#define TAPS(T) \
    T(3, 3, 5) T(1, 3, 12) T(-1, 3, 12) T(-3, 3, 5) T(2, 2, 12) T(0, 2, 26) T(-2, 2, 12) \
    T(3, 1, 16) T(1, 1, 30) T(-1, 1, 26) T(-3, 1, 12) T(2, 0, 32)
#include "diffuse.h"
