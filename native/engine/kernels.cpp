// Compiled once per instruction level: see native/levels.cmake.
#include "kernels.h"

#include "elementwise.h"
#include "product.h"

namespace recurra {
namespace RECURRA_LEVEL {

template <class T>
static constexpr Kernels<T> make() {
  Kernels<T> table{};
  table.panel = panel_width<T>();
  table.packed_size = packed_size<T>;
  table.pack = pack<T>;
  table.pack_rows = pack_rows<T>;
  table.product = product<T>;
  table.add_rows = add_rows<T>;
  enter_all<T>(table);
  return table;
}

extern constexpr Kernels<float> kernels_f32 = make<float>();
extern constexpr Kernels<double> kernels_f64 = make<double>();

}  // namespace RECURRA_LEVEL
}  // namespace recurra
