// How many pieces a total is cut into; the last may be a smaller one.
#pragma once

namespace recurra {

constexpr long pieces(long total, long piece) { return (total + piece - 1) / piece; }

}  // namespace recurra
