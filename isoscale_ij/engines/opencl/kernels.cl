// The steps of VOL and of rescaling, a kernel each. Arrays are (z, y, x), x the fastest.
// Sums run in the order of the processor's kernels, with fused multiply-adds asked for by name
// and never made by the compiler, so that both engines find the same bits.
// SRC, ACC and DST are the types of the input, of the sums and of the output.

#pragma OPENCL FP_CONTRACT OFF

// The Gaussian along one axis (0: z, 1: y, 2: x); beyond the ends the outermost voxel goes on.
__kernel void blur_axis(__global const SRC *in, __global float *out, __global const float *weights, const int radius,
                        const int axis)
{
    const long x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
    const long width = get_global_size(0), height = get_global_size(1), depth = get_global_size(2);
    const long stride = axis == 0 ? height * width : axis == 1 ? width : 1;
    const long at = axis == 0 ? z : axis == 1 ? y : x;
    const long count = axis == 0 ? depth : axis == 1 ? height : width;
    const long here = (z * height + y) * width + x;
    float sum = 0;
    if (at >= radius && at + radius < count) {
        __global const SRC *window = in + here - radius * stride;
        for (int k = 0; k <= 2 * radius; k++)
            sum = fma(weights[k], (float)window[k * stride], sum);
    } else {
        for (int k = 0; k <= 2 * radius; k++) {
            const long place = clamp(at + k - radius, 0L, count - 1);
            sum = fma(weights[k], (float)in[here + (place - at) * stride], sum);
        }
    }
    out[here] = sum;
}

// Resampling along one axis: out[i] is the sum of weights[i, k] * in[first[i] + k] over k < count[i].
// `size_in` is the length of that axis before; the global size is the shape after.
__kernel void weigh_axis(__global const SRC *in, __global DST *out, __global const int *first,
                         __global const int *count, __global const ACC *weights, const int most, const int axis,
                         const int size_in, const int rounded, const ACC lowest, const ACC highest)
{
    const long x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
    const long width = get_global_size(0), height = get_global_size(1);
    const long i = axis == 0 ? z : axis == 1 ? y : x;
    const long stride = axis == 0 ? height * width : axis == 1 ? width : 1;
    const long begin = first[i];
    const long start = axis == 0   ? (begin * height + y) * width + x
                       : axis == 1 ? (z * size_in + begin) * width + x
                                   : (z * height + y) * size_in + begin;
    __global const SRC *values = in + start;
    __global const ACC *mine = weights + i * most;
    ACC sum = mine[0] * (ACC)values[0];
    for (int k = 1; k < count[i]; k++)
        sum = fma(mine[k], (ACC)values[k * stride], sum);
    if (rounded)
        sum = min(max(floor(sum + (ACC)0.5), lowest), highest);
    out[(z * height + y) * width + x] = (DST)sum;
}

// Nearest voxel: out[z, y, x] is in[slices[z], rows[y], columns[x]].
__kernel void pick(__global const SRC *in, __global SRC *out, __global const int *slices, __global const int *rows,
                   __global const int *columns, const int height_in, const int width_in)
{
    const long x = get_global_id(0), y = get_global_id(1), z = get_global_id(2);
    const long width = get_global_size(0), height = get_global_size(1);
    out[(z * height + y) * width + x] = in[((long)slices[z] * height_in + rows[y]) * width_in + columns[x]];
}

// Lowest and highest value of every n-th voxel, n the number of work items.
__kernel void extrema(__global const float *values, const long size, __global float *lowest, __global float *highest)
{
    const long item = get_global_id(0), items = get_global_size(0);
    float low = INFINITY, high = -INFINITY;
    for (long i = item; i < size; i += items) {
        low = fmin(low, values[i]);
        high = fmax(high, values[i]);
    }
    lowest[item] = low;
    highest[item] = high;
}

// How many of every n-th value are NaN or infinite.
__kernel void not_finite(__global const SRC *values, const long size, __global long *counts)
{
    const long item = get_global_id(0), items = get_global_size(0);
    long count = 0;
    for (long i = item; i < size; i += items)
        count += !isfinite((ACC)values[i]);
    counts[item] = count;
}

// Marks voxels above the limit; how many of every n-th voxel that were.
__kernel void above(__global const float *values, const long size, const float limit, __global uchar *mask,
                    __global long *counts)
{
    const long item = get_global_id(0), items = get_global_size(0);
    long count = 0;
    for (long i = item; i < size; i += items) {
        const uchar found = values[i] > limit;
        mask[i] = found;
        count += found;
    }
    counts[item] = count;
}

// Fine slices first_out, first_out + 1, … between the slices of the volume: a weighted sum each, by phase.
// `in` holds the slices from `first_in` on; `depth` is that of the whole volume.
__kernel void between_slices(__global const float *in, __global float *out, __global const float *weights,
                             const int taps, const int finer, const int begin, const int first_in, const int first_out,
                             const int depth)
{
    const long x = get_global_id(0), y = get_global_id(1);
    const long width = get_global_size(0), height = get_global_size(1);
    const int fine = first_out + (int)get_global_id(2);
    const int voxel = fine / finer, phase = fine % finer;
    float sum = 0;
    for (int k = 0; k < taps; k++) {
        const long slice = clamp(voxel + begin + k, 0, depth - 1) - first_in;
        sum = fma(weights[phase * taps + k], in[(slice * height + y) * width + x], sum);
    }
    out[((long)get_global_id(2) * height + y) * width + x] = sum;
}

// Local maxima in the mask, as (z, y, x, kind) in any order. Kind 2: all 26 neighbours are lower; 1: some are equal,
// up to rounding, and the place is the first of those that are exactly equal.
// `values` holds fine slices from `first_value` on, `mask` slices of voxels from `first_mask` on.
__kernel void peaks(__global const float *values, const int first_value, __global const uchar *mask,
                    const int first_mask, __global const int *voxel_z, __global const int *voxel_y,
                    __global const int *voxel_x, const int mask_height, const int mask_width, const int first,
                    const int depth, const float rounding, const int capacity, __global int *found,
                    __global int *count)
{
    const int x = get_global_id(0), y = get_global_id(1), z = first + (int)get_global_id(2);
    const int width = get_global_size(0), height = get_global_size(1);
    const long inside = ((long)(voxel_z[z] - first_mask) * mask_height + voxel_y[y]) * mask_width + voxel_x[x];
    if (!mask[inside])
        return;
    const float value = values[((long)(z - first_value) * height + y) * width + x];
    const float equal = value - fabs(value) * rounding;
    int kind = 2;
    for (int k = max(z - 1, 0); k <= min(z + 1, depth - 1); k++)
        for (int j = max(y - 1, 0); j <= min(y + 1, height - 1); j++)
            for (int i = max(x - 1, 0); i <= min(x + 1, width - 1); i++) {
                if (k == z && j == y && i == x)
                    continue;
                const float other = values[((long)(k - first_value) * height + j) * width + i];
                const bool before = k < z || (k == z && (j < y || (j == y && i < x)));
                if (other > value || (other == value && before))
                    return;
                if (other >= equal)
                    kind = 1;
            }
    const int place = atomic_inc(count);
    if (place < capacity) {
        found[4 * place] = z;
        found[4 * place + 1] = y;
        found[4 * place + 2] = x;
        found[4 * place + 3] = kind;
    }
}

// Runs of equal label in each row, background not counted.
__kernel void count_runs(__global const int *labels, const int width, __global int *runs)
{
    const long row = get_global_id(0);
    __global const int *values = labels + row * width;
    int count = values[0] != 0;
    for (int x = 1; x < width; x++)
        count += values[x] != values[x - 1] && values[x] != 0;
    runs[row] = count;
}

#ifdef DOUBLE

// Voxels in each of `bins` equal bins; counted by each work group on its own, then added up.
__kernel void histogram(__global const float *values, const long size, const double lowest, const double scale,
                        const int bins, __local uint *mine, __global uint *counts)
{
    for (int bin = get_local_id(0); bin < bins; bin += get_local_size(0))
        mine[bin] = 0;
    barrier(CLK_LOCAL_MEM_FENCE);
    for (long i = get_global_id(0); i < size; i += get_global_size(0))
        atomic_inc(mine + clamp((int)(((double)values[i] - lowest) * scale), 0, bins - 1));
    barrier(CLK_LOCAL_MEM_FENCE);
    for (int bin = get_local_id(0); bin < bins; bin += get_local_size(0))
        atomic_add(counts + bin, mine[bin]);
}

// The nearest seed of each mask voxel, by distance in physical units; at a tie the lower label.
//
// Seeds lie in cubic cells of the given edge: those of cell c are order[start[c]] … order[start[c + 1] - 1].
// Cells are looked at in shells around the voxel's own; what lies beyond shell r is farther than r edges:
//
//     2 2 2 2 2
//     2 1 1 1 2      shells 0, 1, 2
//     2 1 0 1 2
//     2 1 1 1 2
//     2 2 2 2 2
__kernel void assign(__global const uchar *mask, __global int *labels, __global const int *seeds,
                     __global const int *order, __global const int *start, const int cells_z, const int cells_y,
                     const int cells_x, const double edge, const double unit_z, const double unit_y,
                     const double unit_x, const int finer_z, const int finer_y, const int finer_x, const int first)
{
    const long x = get_global_id(0), y = get_global_id(1);
    const long width = get_global_size(0), height = get_global_size(1);
    const long here = ((long)get_global_id(2) * height + y) * width + x;
    if (!mask[here]) {
        labels[here] = 0;
        return;
    }
    const int fz = (first + (int)get_global_id(2)) * finer_z, fy = (int)y * finer_y, fx = (int)x * finer_x;
    const int cz = min((int)(fz * unit_z / edge), cells_z - 1);
    const int cy = min((int)(fy * unit_y / edge), cells_y - 1);
    const int cx = min((int)(fx * unit_x / edge), cells_x - 1);
    const int farthest = max(cells_z, max(cells_y, cells_x));
    double nearest = INFINITY;
    int owner = 0;
    for (int shell = 0; shell <= farthest; shell++) {
        for (int k = max(cz - shell, 0); k <= min(cz + shell, cells_z - 1); k++)
            for (int j = max(cy - shell, 0); j <= min(cy + shell, cells_y - 1); j++) {
                const bool face = abs(k - cz) == shell || abs(j - cy) == shell;
                const int step = face || shell == 0 ? 1 : 2 * shell;  // inside the shell only its two ends
                for (int i = cx - shell; i <= cx + shell; i += step) {
                    if (i < 0 || i >= cells_x)
                        continue;
                    const int cell = (k * cells_y + j) * cells_x + i;
                    for (int n = start[cell]; n < start[cell + 1]; n++) {
                        const int s = order[n];
                        const double dz = (fz - seeds[3 * s]) * unit_z;
                        const double dy = (fy - seeds[3 * s + 1]) * unit_y;
                        const double dx = (fx - seeds[3 * s + 2]) * unit_x;
                        const double distance = (dz * dz + dy * dy) + dx * dx;
                        if (distance < nearest || (distance == nearest && s + 1 < owner)) {
                            nearest = distance;
                            owner = s + 1;
                        }
                    }
                }
            }
        const double reached = shell * edge;
        if (nearest <= reached * reached * (1 - 1e-9))
            break;
    }
    labels[here] = owner;
}

#endif
