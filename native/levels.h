// Which of the instruction levels compiled by levels.cmake this processor runs best.
#pragma once
#ifdef RECURRA_LEVEL
#error "this chooses among levels: what is compiled for one of them must not see it (levels.cmake says why)"
#endif
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

// RECURRA_DECLARE(Type, name): every level has defined a table of that name in recurra::<level>.
// RECURRA_PICK(name): the one of the chosen level.
#define RECURRA_DECLARE_AT(level, Type, name) \
  namespace recurra::level {                  \
  extern const Type name;                     \
  }
#if defined(RECURRA_LEVELS_X86)
#define RECURRA_DECLARE(Type, name)   \
  RECURRA_DECLARE_AT(v2, Type, name)  \
  RECURRA_DECLARE_AT(v3, Type, name)  \
  RECURRA_DECLARE_AT(v4, Type, name)
#define RECURRA_PICK(name)                                        \
  (::recurra::level() == ::recurra::Level::v4   ? ::recurra::v4::name \
   : ::recurra::level() == ::recurra::Level::v3 ? ::recurra::v3::name \
                                                : ::recurra::v2::name)
#elif defined(RECURRA_LEVELS_ARM)
#define RECURRA_DECLARE(Type, name) RECURRA_DECLARE_AT(neon, Type, name)
#define RECURRA_PICK(name) ::recurra::neon::name
#else
#define RECURRA_DECLARE(Type, name) RECURRA_DECLARE_AT(plain, Type, name)
#define RECURRA_PICK(name) ::recurra::plain::name
#endif
