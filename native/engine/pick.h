// The kernels of the level chosen for this process.
#pragma once
#include "kernels.h"
#include "levels.h"

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

}  // namespace recurra
