/* The C peer of examples/galaxy: exact softened gravity, O(N^2), in single precision, on every core.
 *
 *     a_i = sum over j of  m_j (x_j - x_i) / (|x_j - x_i|^2 + epsilon^2)^(3/2)          (G is in the masses)
 *
 * It is written as a careful C programmer would write it: components apart, restrict pointers, rows divided among the
 * cores by OpenMP, the loop over partners left to the compiler's vectoriser. Newton's third law is not used: that halves
 * the arithmetic but makes the cores write to one another's rows.
 *
 * Shared library:  cc -O3 -march=native -ffast-math -fopenmp -fPIC -shared nbody.c -o libnbody.so -lm
 * By itself:       cc -O3 -march=native -ffast-math -fopenmp -DMAIN nbody.c -o nbody -lm && ./nbody 10000
 *
 * Without -ffast-math the compiler may neither vectorise the sums nor use the reciprocal square root: build both ways
 * to see what each is worth, and compare with the faster one. OMP_NUM_THREADS=1 gives the time of one core.
 */
#include <math.h>

void accelerations(const float *restrict x, const float *restrict y, const float *restrict z,
                   const float *restrict m, float *restrict ax, float *restrict ay, float *restrict az,
                   long n, float epsilon)
{
    const float epsilon2 = epsilon * epsilon;
#pragma omp parallel for schedule(static)
    for (long i = 0; i < n; i++) {
        const float xi = x[i], yi = y[i], zi = z[i];
        float sx = 0, sy = 0, sz = 0;
        for (long j = 0; j < n; j++) {
            const float dx = x[j] - xi, dy = y[j] - yi, dz = z[j] - zi;
            const float r2 = dx * dx + dy * dy + dz * dz + epsilon2;
            const float inverse = 1.0f / sqrtf(r2);
            const float weight = m[j] * inverse * inverse * inverse;
            sx += weight * dx;
            sy += weight * dy;
            sz += weight * dz;
        }
        ax[i] = sx;
        ay[i] = sy;
        az[i] = sz;
    }
}

#ifdef MAIN
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + 1e-9 * t.tv_nsec;
}

static float uniform(void) { return (float)rand() / (float)RAND_MAX - 0.5f; }

int main(int argc, char **argv)
{
    const long n = argc > 1 ? atol(argv[1]) : 10000;
    const int rounds = argc > 2 ? atoi(argv[2]) : 20;
    if (n < 1 || rounds < 1) {
        fprintf(stderr, "usage: nbody [stars >= 1] [rounds >= 1]\n");
        return 2;
    }
    float *p = malloc(7 * (size_t)n * sizeof *p);
    if (!p) {
        fprintf(stderr, "no memory for %ld stars\n", n);
        return 1;
    }
    for (long i = 0; i < 3 * n; i++) p[i] = 20 * uniform();
    for (long i = 3 * n; i < 4 * n; i++) p[i] = 1.0f / (float)n;
    double best = 1e30, total = 0;
    for (int k = 0; k < rounds; k++) {
        const double start = now();
        accelerations(p, p + n, p + 2 * n, p + 3 * n, p + 4 * n, p + 5 * n, p + 6 * n, n, 0.1f);
        const double seconds = now() - start;
        if (seconds < best) best = seconds;
        total += seconds;
    }
    printf("N = %ld: best %.3f ms, mean %.3f ms, %.2f pairs per ns, ax[0] = %g\n", n, best * 1e3,
           total / rounds * 1e3, (double)n * n / best * 1e-9, p[4 * n]);
    free(p);
    return 0;
}
#endif
