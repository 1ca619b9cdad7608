// A weight packed for products, and products with it that companions may share. Not for level sources: see
// native/levels.cmake.
#pragma once
#include <algorithm>
#include <cstdint>
#include <stdexcept>
#include <type_traits>

#include "buffer.h"
#include "companions.h"
#include "matrix.h"
#include "pick.h"
#include "pieces.h"

namespace recurra {

// What the numbers of a weight are held in: those of the product itself, or fewer bits (see quantised.h), which
// products of float32 alone know.
enum class WeightKind : int { full, bfloat16, int8 };

// c [rows, width] = bias + addend + a [rows, depth] @ weight; c may be the addend.
template <class T>
struct ProductArguments {
  long rows;
  Strided<const T> a;
  Strided<T> c;
  const T* bias;            // null: none
  Strided<const T> addend;  // of null: none
};

// A weight matrix [depth, width] in panels of some columns, each of which can be packed and multiplied by itself.
template <class T>
class Packed {
 public:
  // Room for it, to be filled by `pack`.
  Packed(long depth, long width, WeightKind kind = WeightKind::full)
      : kind_(kind), depth_(depth), width_(width), kernels_(kernels<T>()), quantised_(quantised_kernels()) {
    if (kind != WeightKind::full && !quantisable)
      throw std::invalid_argument("packed weight: only float32 has kinds of fewer bits");
    if (kind == WeightKind::full) {
      full_ = allocate<T>(kernels_.packed_size(depth, width));
    } else if (kind == WeightKind::bfloat16) {
      halves_ = allocate<uint16_t>(quantised_.packed_size(depth, width));
    } else {
      bytes_ = allocate<int8_t>(quantised_.packed_size(depth, width));
      scales_ = allocate<float>(panels() * panel());
    }
  }

  // Panels [first, last) of the matrix.
  void pack(Matrix<const T> w, long first, long last) {
    const long n = first * panel(), end = std::min(width_, last * panel());
    if constexpr (quantisable) {
      const float* from = w.data + n * w.column_stride;
      if (kind_ == WeightKind::bfloat16)
        return quantised_.pack_bfloat16(from, w.row_stride, w.column_stride, depth_, end - n, halves_.get() + n * depth_);
      if (kind_ == WeightKind::int8)
        return quantised_.pack_int8(from, w.row_stride, w.column_stride, depth_, end - n, bytes_.get() + n * pairs(),
                                    scales_.get() + n);
    }
    kernels_.pack(w.data, w.row_stride, w.column_stride, depth_, width_, n, end, full_.get());
  }

  // Panels [first, last) of c.
  void product(long first, long last, const ProductArguments<T>& p) const {
    const long n = first * panel(), width = std::min(width_, last * panel()) - n;
    T* c = p.c.data + n;
    const T *bias = p.bias ? p.bias + n : nullptr, *addend = p.addend.data ? p.addend.data + n : nullptr;
    if constexpr (quantisable) {
      if (kind_ == WeightKind::bfloat16)
        return quantised_.product_bfloat16(p.a.data, p.a.row_stride, halves_.get() + n * depth_, depth_, width, p.rows, c,
                                           p.c.row_stride, bias, addend, p.addend.row_stride);
      if (kind_ == WeightKind::int8)
        return quantised_.product_int8(p.a.data, p.a.row_stride, bytes_.get() + n * pairs(), scales_.get() + n, depth_,
                                       width, p.rows, c, p.c.row_stride, bias, addend, p.addend.row_stride);
    }
    kernels_.product(p.a.data, p.a.row_stride, 1, full_.get() + n * depth_, depth_, width, p.rows, c, p.c.row_stride,
                     bias, addend, p.addend.row_stride);
  }

  long width() const { return width_; }
  long panels() const { return pieces(width_, panel()); }
  // Multiply-adds for one row.
  long work() const { return depth_ * width_; }
  long bytes() const {
    return work() * (kind_ == WeightKind::int8 ? 1 : kind_ == WeightKind::bfloat16 ? 2 : static_cast<long>(sizeof(T)));
  }

 private:
  static constexpr bool quantisable = std::is_same_v<T, float>;

  long panel() const { return kind_ == WeightKind::full ? kernels_.panel : quantised_.panel; }
  // Rows of a matrix of bytes: they are multiplied two by two.
  long pairs() const { return depth_ + depth_ % 2; }

  WeightKind kind_;
  long depth_, width_;
  const Kernels<T>& kernels_;
  const QuantisedKernels& quantised_;
  Buffer<T> full_;
  Buffer<uint16_t> halves_;
  Buffer<int8_t> bytes_;
  Buffer<float> scales_;
};

// A product that can be cut into pieces of whole panels.
template <class T>
struct SharedProduct {
  const Packed<T>& weight;
  ProductArguments<T> arguments;
  long panels_each;

  static void piece(const void* context, int number) {
    const SharedProduct& p = *static_cast<const SharedProduct*>(context);
    const long first = number * p.panels_each;
    p.weight.product(first, std::min(p.weight.panels(), first + p.panels_each), p.arguments);
  }
};

// Two products of as many panels, the second of which may add the same columns of the first.
template <class T>
struct SharedPair {
  SharedProduct<T> first, second;

  static void piece(const void* context, int number) {
    const SharedPair& pair = *static_cast<const SharedPair*>(context);
    SharedProduct<T>::piece(&pair.first, number);
    SharedProduct<T>::piece(&pair.second, number);
  }
};

// A product, shared with companions (null: there are none) where it is worth it.
template <class T>
void multiply(const Packed<T>& weight, const ProductArguments<T>& arguments, Companions* companions) {
  const long panels = weight.panels(), work = weight.work() * arguments.rows;
  if (companions && panels > 1 && work >= worth_sharing && companions->awake()) {
    const SharedProduct<T> p{weight, arguments, companions->panels_each(panels, work)};
    return companions->share(static_cast<int>(pieces(panels, p.panels_each)), SharedProduct<T>::piece, &p);
  }
  weight.product(0, panels, arguments);
}

}  // namespace recurra
