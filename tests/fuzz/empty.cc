// A target that copies its input. Its executions per second are what libFuzzer itself can do; tests/fuzz/long compares
// the other targets with it.
#include <cstdint>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string copy(reinterpret_cast<const char*>(data), size);
  return copy.size() == size ? 0 : -1;
}
