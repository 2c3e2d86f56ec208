// Durations and sizes as text, as in the configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spanflow {

inline constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;

using Nanoseconds = std::chrono::nanoseconds;

// "120s", "2m", "500ms", "1.5h"; units ns, us, ms, s, m, h, d. The unit is required, except for 0. Returns nullopt for
// any other text.
std::optional<Nanoseconds> parse_duration(std::string_view text);
// Without a fraction, in the greatest possible unit: 1500ms, 10m, 2d; up to 10 minutes in seconds: 120s.
std::string format_duration(Nanoseconds duration);

// In octets: "64MiB", "1GB", "4096"; units B, kB, MB, GB, TB (powers of 1000) and KiB, MiB, GiB, TiB (powers of 1024).
// Returns nullopt for any other text.
std::optional<std::uint64_t> parse_size(std::string_view text);
std::string format_size(std::uint64_t bytes);

// "1,234,567", for people; programs cannot parse it.
std::string with_separators(std::uint64_t number);

}  // namespace spanflow
