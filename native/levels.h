// Which of the instruction levels compiled by levels.cmake this processor runs best.
#pragma once
#include <cstdlib>
#include <cstring>

namespace recurra {

enum class Level { plain, neon, v2, v3, v4 };

inline const char* level_name(Level level) {
  switch (level) {
    case Level::v4: return "x86-64-v4";
    case Level::v3: return "x86-64-v3";
    case Level::v2: return "x86-64-v2";
    case Level::neon: return "neon";
    default: return "plain";
  }
}

inline Level detect_level() {
#if defined(RECURRA_LEVELS_X86)
  Level best = Level::v2;
  __builtin_cpu_init();
  if (__builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("bmi2")) {
    best = Level::v3;
    if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
        __builtin_cpu_supports("avx512cd") && __builtin_cpu_supports("avx512dq") &&
        __builtin_cpu_supports("avx512vl"))
      best = Level::v4;
  }
  // A lower level can be asked for, so that every level is tested on one machine.
  if (const char* asked = std::getenv("RECURRA_LEVEL")) {
    if (!std::strcmp(asked, "v2")) return Level::v2;
    if (!std::strcmp(asked, "v3") && best == Level::v4) return Level::v3;
  }
  return best;
#elif defined(RECURRA_LEVELS_ARM)
  return Level::neon;
#else
  return Level::plain;
#endif
}

// Read once: a process stays on one level, so its results repeat.
inline Level level() {
  static const Level chosen = detect_level();
  return chosen;
}

}  // namespace recurra

// The table `name` of the chosen level, each level having defined its own in recurra::<level>.
#if defined(RECURRA_LEVELS_X86)
#define RECURRA_PICK(name)                                        \
  (::recurra::level() == ::recurra::Level::v4   ? ::recurra::v4::name \
   : ::recurra::level() == ::recurra::Level::v3 ? ::recurra::v3::name \
                                                : ::recurra::v2::name)
#elif defined(RECURRA_LEVELS_ARM)
#define RECURRA_PICK(name) ::recurra::neon::name
#else
#define RECURRA_PICK(name) ::recurra::plain::name
#endif
