// Durations and sizes as text, as in the configuration.
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace spanflow {

inline constexpr std::uint64_t kNanosecondsPerMillisecond = 1'000'000;
inline constexpr std::uint64_t kNanosecondsPerSecond = 1'000'000'000;

using Nanoseconds = std::chrono::nanoseconds;

// Parses texts like "120s", "2m", "500ms" and "1.5h". Units: ns, us, ms, s, m, h, d; 0 needs no unit. Returns nullopt
// for any other text, and for more than 9e18 ns (285 years).
std::optional<Nanoseconds> parse_duration(std::string_view text);
// Formats a duration in the greatest unit that needs no fraction: 1500ms, 10m, 2d. Whole seconds below 10 minutes stay
// in seconds: 120s.
std::string format_duration(Nanoseconds duration);

// Parses texts like "64MiB", "1GB" and "4096" into a number of octets. Units: B, kB, MB, GB, TB (powers of 1000) and
// KiB, MiB, GiB, TiB (powers of 1024). Returns nullopt for any other text, and for more than 9e18 octets.
std::optional<std::uint64_t> parse_size(std::string_view text);
// Formats a size in the greatest power of 1024 that needs no fraction: 64MiB.
std::string format_size(std::uint64_t bytes);

// Formats a number as "1,234,567", for messages to people. parse_size() does not accept this form.
std::string with_separators(std::uint64_t number);

}  // namespace spanflow
