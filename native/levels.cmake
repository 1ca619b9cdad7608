# recurra_add_levels(<target> <source>...)
#
# Compiles each source once per instruction level and links the objects into <target>.
# A source sees two macros: RECURRA_LEVEL, the namespace to put everything in, and
# RECURRA_VECTOR_BYTES, the width of a vector register.
#   x86-64:  v2 (16 bytes), v3 (32), v4 (64)
#   Arm 64:  neon (16)
#   others:  plain (16: the compiler's generic vectors)
# The target sees RECURRA_LEVELS_X86, RECURRA_LEVELS_ARM or RECURRA_LEVELS_PLAIN.
#
# A level source must emit no symbol outside its own namespace (no std containers, no inline
# functions of shared headers that the compiler may leave out of line): the linker keeps one
# copy of such a symbol, and might keep the one a lesser processor cannot run.
# Use `native/levels.h` to choose at run time.

if(NOT RECURRA_LEVEL_OPTIMISATION)
  set(RECURRA_LEVEL_OPTIMISATION -O3)
endif()

set(RECURRA_LEVEL_DIR "${CMAKE_CURRENT_LIST_DIR}")

function(recurra_add_levels target)
  string(TOLOWER "${CMAKE_SYSTEM_PROCESSOR}" processor)
  if(processor MATCHES "x86_64|amd64")
    set(levels v2 v3 v4)
    set(v2_flags -march=x86-64-v2 -mtune=generic)
    set(v3_flags -march=x86-64-v3 -mtune=generic)
    set(v4_flags -march=x86-64-v4 -mtune=generic -mprefer-vector-width=512)
    set(v2_bytes 16)
    set(v3_bytes 32)
    set(v4_bytes 64)
    target_compile_definitions(${target} PRIVATE RECURRA_LEVELS_X86)
  elseif(processor MATCHES "aarch64|arm64")
    set(levels neon)
    set(neon_flags "")
    set(neon_bytes 16)
    target_compile_definitions(${target} PRIVATE RECURRA_LEVELS_ARM)
  else()
    set(levels plain)
    set(plain_flags "")
    set(plain_bytes 16)
    target_compile_definitions(${target} PRIVATE RECURRA_LEVELS_PLAIN)
  endif()
  foreach(source IN LISTS ARGN)
    get_filename_component(stem "${source}" NAME_WE)
    foreach(level IN LISTS levels)
      set(object "${target}_${stem}_${level}")
      add_library(${object} OBJECT "${source}")
      set_target_properties(${object} PROPERTIES
        CXX_EXTENSIONS ON POSITION_INDEPENDENT_CODE ON CXX_VISIBILITY_PRESET hidden VISIBILITY_INLINES_HIDDEN ON)
      target_include_directories(${object} PRIVATE "${RECURRA_LEVEL_DIR}")
      target_compile_definitions(${object} PRIVATE
        RECURRA_LEVEL=${level} RECURRA_VECTOR_BYTES=${${level}_bytes})
      target_compile_options(${object} PRIVATE ${RECURRA_LEVEL_OPTIMISATION} -fno-math-errno -fno-trapping-math ${${level}_flags})
      target_sources(${target} PRIVATE $<TARGET_OBJECTS:${object}>)
    endforeach()
  endforeach()
  target_include_directories(${target} PRIVATE "${RECURRA_LEVEL_DIR}")
endfunction()
