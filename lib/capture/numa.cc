#include "capture/numa.h"

#include <charconv>
#include <string>
#include <string_view>
#include <system_error>

namespace spanflow {

// If CPU 3 is on node 1, the kernel's folder cpu3 has a link named "node1".
int node_of_cpu(int cpu, const std::filesystem::path& cpus) {
  constexpr std::string_view kPrefix = "node";
  std::error_code none;
  for (const auto& entry : std::filesystem::directory_iterator(cpus / ("cpu" + std::to_string(cpu)), none)) {
    const std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    int node = -1;
    const char* const end = name.data() + name.size();
    const auto [rest, error] = std::from_chars(name.data() + kPrefix.size(), end, node);
    if (error == std::errc{} && rest == end) return node;
  }
  return -1;
}

}  // namespace spanflow
