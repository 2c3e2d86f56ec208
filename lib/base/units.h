// Durations and sizes as people write them in a configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spanflow {

inline constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;

using Nanoseconds = std::chrono::nanoseconds;

// "120s", "2m", "500ms", "1.5h"; units ns, us, ms, s, m, h, d. A number without unit is not a duration, but for 0.
std::optional<Nanoseconds> parse_duration(std::string_view text);
// The shortest whole form: 120s, 1500ms, 2m.
std::string format_duration(Nanoseconds duration);

// "64MiB", "1GB", "4096"; units B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (of 1024).
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// 1,234,567: for people, never for machines.
std::string with_separators(std::uint64_t number);

}  // namespace spanflow
