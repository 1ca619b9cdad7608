// How numbers cross from Python: by address, so that one build serves every version of torch. The memory is the
// caller's, who keeps it alive for the length of a call; strides count numbers. What each class and function takes is
// told in src/recurra/engines/native/_engine.pyi.
#pragma once
#include <nanobind/nanobind.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/pair.h>
#include <nanobind/stl/vector.h>

#include <array>
#include <cstdint>
#include <vector>

#include "matrix.h"

namespace recurra {

using Address = int64_t;                  // 0: null
using RowsAt = std::array<int64_t, 2>;    // the address, and how far rows lie apart; columns are next to each other
using MatrixAt = std::array<int64_t, 3>;  // the address, and how far rows and columns lie apart

template <class T>
T* pointer_of(Address address) {
  return reinterpret_cast<T*>(address);
}

template <class T>
Strided<T> rows_of(const RowsAt& rows) {
  return {pointer_of<T>(rows[0]), rows[1]};
}

template <class T>
Matrix<T> matrix_of(const MatrixAt& matrix) {
  return {pointer_of<T>(matrix[0]), matrix[1], matrix[2]};
}

template <class T>
std::vector<T*> pointers_of(const std::vector<Address>& addresses) {
  std::vector<T*> out;
  for (Address address : addresses) out.push_back(pointer_of<T>(address));
  return out;
}

template <class T>
std::vector<Strided<T>> rows_of(const std::vector<RowsAt>& places) {
  std::vector<Strided<T>> out;
  for (const RowsAt& rows : places) out.push_back(rows_of<T>(rows));
  return out;
}

template <class T>
std::vector<Matrix<T>> matrices_of(const std::vector<MatrixAt>& places) {
  std::vector<Matrix<T>> out;
  for (const MatrixAt& matrix : places) out.push_back(matrix_of<T>(matrix));
  return out;
}

// Space, Place, Line, LoopProgram: what a loop and a stepper are made of.
void bind_program(nanobind::module_& m);
// Product, GradientProduct, CallPlan, CallF32, CallF64.
void bind_call(nanobind::module_& m);
// HoistedProduct, Segment, Stepper.
void bind_stepper(nanobind::module_& m);

}  // namespace recurra
