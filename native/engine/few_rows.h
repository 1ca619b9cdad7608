// A product of one or two rows, bit for bit as `Kernels<float>::product` gives it.
//
// The register-blocked product lives off many rows; with one, a panel's few sums wait for each other. Here
// several panels advance together, so that as many sums as the processor can keep going are on their way.
#pragma once

namespace recurra {

// c [rows, width] = bias + addend + a [rows, depth] @ packed; c may be the addend; rows are 1 or 2.
using FewRows = void (*)(const float* a, long row_stride, const float* packed, long depth, long width, long rows,
                         float* c, long c_stride, const float* bias, const float* addend, long addend_stride);

namespace v2 {
extern const FewRows few_rows;
}
namespace v3 {
extern const FewRows few_rows;
}
namespace v4 {
extern const FewRows few_rows;
}
namespace neon {
extern const FewRows few_rows;
}
namespace plain {
extern const FewRows few_rows;
}

}  // namespace recurra
