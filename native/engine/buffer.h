// Memory aligned to a cache line, not initialised.
#pragma once
#include <cstdlib>
#include <memory>
#include <new>

namespace recurra {

struct FreeAligned {
  void operator()(void* p) const { std::free(p); }
};

template <class T>
using Buffer = std::unique_ptr<T[], FreeAligned>;

template <class T>
Buffer<T> allocate(long count) {
  const size_t bytes = (static_cast<size_t>(count > 0 ? count : 1) * sizeof(T) + 63) / 64 * 64;
  void* p = std::aligned_alloc(64, bytes);
  if (!p) throw std::bad_alloc();
  return Buffer<T>(static_cast<T*>(p));
}

// Memory of the calling thread, kept from call to call; the next call of the same type and thread takes it again.
template <class T>
T* arena(long count) {
  thread_local Buffer<char> buffer;
  thread_local long size = 0;
  const long bytes = count * static_cast<long>(sizeof(T));
  if (bytes > size) {
    buffer.reset();
    size = 0;
    buffer = allocate<char>(bytes);
    size = bytes;
  }
  return reinterpret_cast<T*>(buffer.get());
}

}  // namespace recurra
