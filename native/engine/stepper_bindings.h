#pragma once
#include <nanobind/nanobind.h>

namespace recurra {

void bind_stepper(nanobind::module_& m);

}  // namespace recurra
