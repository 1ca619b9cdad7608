// The kernels of the level chosen for this process.
#pragma once
#include "kernels.h"
#include "levels.h"
#include "quantised.h"

RECURRA_DECLARE(Kernels<float>, kernels_f32)
RECURRA_DECLARE(Kernels<double>, kernels_f64)
RECURRA_DECLARE(QuantisedKernels, quantised_kernels)

namespace recurra {

template <class T>
const Kernels<T>& kernels();

template <>
inline const Kernels<float>& kernels<float>() {
  return RECURRA_PICK(kernels_f32);
}

template <>
inline const Kernels<double>& kernels<double>() {
  return RECURRA_PICK(kernels_f64);
}

inline const QuantisedKernels& quantised_kernels() { return RECURRA_PICK(quantised_kernels); }

}  // namespace recurra
