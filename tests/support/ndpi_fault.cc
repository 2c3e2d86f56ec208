// Library for LD_PRELOAD: makes nDPI fail while it reads a packet that has a header line "X-Fault: KIND". nDPI itself
// cannot be replaced, because it is linked from its archive. It compares header lines with strncasecmp(), which
// spanflow's own readers do not use.
#include <dlfcn.h>
#include <strings.h>

#include <cstdlib>
#include <ctime>
#include <string_view>

namespace {

constexpr std::string_view kLine = "X-Fault: ";

void* volatile no_memory = nullptr;  // volatile, so that the compiler does not know the value

bool begins_with(const char* text, std::string_view word) { return std::string_view(text, word.size()) == word; }

double cpu_seconds() {
  timespec time{};
  ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time);
  return static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_nsec) / 1e9;
}

void compute_for(double seconds) {
  const double end = cpu_seconds() + seconds;
  while (cpu_seconds() < end) {
  }
}

// The stack overflows, unless the depth is 0.
int recurse(int depth) {
  volatile char room[4096];
  room[0] = static_cast<char>(depth);
  return room[0] == 0 ? 0 : recurse(room[0]) + room[0];
}

void fail(const char* kind) {
  if (begins_with(kind, "segv")) *static_cast<volatile int*>(no_memory) = 0;
  if (begins_with(kind, "abort")) std::abort();
  if (begins_with(kind, "stack")) recurse(1);
  if (begins_with(kind, "slow")) compute_for(0.2);
  if (begins_with(kind, "hang")) compute_for(1e9);
  // Reads the octet behind the packet, which ends with an empty line.
  if (begins_with(kind, "read\r\n\r\n")) [[maybe_unused]]
    const char octet = const_cast<const volatile char&>(kind[8]);
}

}  // namespace

extern "C" int strncasecmp(const char* one, const char* other, std::size_t most) noexcept {
  using Function = int (*)(const char*, const char*, std::size_t);
  static const auto real = reinterpret_cast<Function>(::dlsym(RTLD_NEXT, "strncasecmp"));
  if (begins_with(one, kLine)) fail(one + kLine.size());
  return real(one, other, most);
}
