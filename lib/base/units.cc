#include "base/units.h"

#include <array>
#include <charconv>
#include <cmath>
#include <span>

namespace spanflow {
namespace {

struct Unit {
  std::string_view name;
  std::uint64_t factor;
};

// The units must be in ascending order, because in_greatest_unit() takes the last unit that divides the value.
constexpr std::array<Unit, 7> kTimeUnits = {{{"ns", 1},
                                             {"us", 1'000},
                                             {"ms", 1'000'000},
                                             {"s", 1'000'000'000},
                                             {"m", 60'000'000'000},
                                             {"h", 3'600'000'000'000},
                                             {"d", 86'400'000'000'000}}};
constexpr std::array<Unit, 5> kBinarySizeUnits = {
    {{"B", 1}, {"KiB", 1ULL << 10}, {"MiB", 1ULL << 20}, {"GiB", 1ULL << 30}, {"TiB", 1ULL << 40}}};
constexpr std::array<Unit, 4> kDecimalSizeUnits = {
    {{"kB", 1'000}, {"MB", 1'000'000}, {"GB", 1'000'000'000}, {"TB", 1'000'000'000'000}}};

struct Quantity {
  double number;
  std::string_view unit;
};

std::optional<Quantity> split_quantity(std::string_view text) {
  Quantity quantity{};
  const auto [rest, error] = std::from_chars(text.data(), text.data() + text.size(), quantity.number);
  if (error != std::errc{} || !(quantity.number >= 0)) return std::nullopt;  // unlike a test with < 0, also rejects NaN
  quantity.unit = text.substr(static_cast<std::size_t>(rest - text.data()));
  while (!quantity.unit.empty() && quantity.unit.front() == ' ') quantity.unit.remove_prefix(1);
  return quantity;
}

std::optional<std::uint64_t> factor_of(std::string_view name, std::span<const Unit> units) {
  for (const Unit& unit : units) {
    if (unit.name == name) return unit.factor;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> scaled(double number, std::uint64_t factor) {
  const double value = std::round(number * static_cast<double>(factor));
  if (value > 9.0e18) return std::nullopt;
  return static_cast<std::uint64_t>(value);
}

std::string in_greatest_unit(std::uint64_t value, std::span<const Unit> units) {
  const Unit* best = &units.front();
  for (const Unit& unit : units) {
    if (value != 0 && value % unit.factor == 0) best = &unit;
  }
  return std::to_string(value / best->factor) + std::string(best->name);
}

}  // namespace

std::optional<Nanoseconds> parse_duration(std::string_view text) {
  const auto quantity = split_quantity(text);
  if (!quantity) return std::nullopt;
  if (quantity->unit.empty() && quantity->number == 0) return Nanoseconds{0};
  const auto factor = factor_of(quantity->unit, kTimeUnits);
  if (!factor) return std::nullopt;
  const auto value = scaled(quantity->number, *factor);
  if (!value) return std::nullopt;
  return Nanoseconds{static_cast<std::int64_t>(*value)};
}

std::string format_duration(Nanoseconds duration) {
  const auto count = static_cast<std::uint64_t>(duration.count());
  // Whole seconds below 10 minutes are shown in seconds, because 120s is easier to read than 2m.
  if (count % kNanosecondsPerSecond == 0 && count < 600 * kNanosecondsPerSecond) {
    return std::to_string(count / kNanosecondsPerSecond) + "s";
  }
  return in_greatest_unit(count, kTimeUnits);
}

std::optional<std::uint64_t> parse_size(std::string_view text) {
  const auto quantity = split_quantity(text);
  if (!quantity) return std::nullopt;
  if (quantity->unit.empty()) return scaled(quantity->number, 1);
  auto factor = factor_of(quantity->unit, kBinarySizeUnits);
  if (!factor) factor = factor_of(quantity->unit, kDecimalSizeUnits);
  return factor ? scaled(quantity->number, *factor) : std::nullopt;
}

std::string format_size(std::uint64_t bytes) { return in_greatest_unit(bytes, kBinarySizeUnits); }

std::string with_separators(std::uint64_t number) {
  std::string text = std::to_string(number);
  for (auto at = static_cast<std::ptrdiff_t>(text.size()) - 3; at > 0; at -= 3) {
    text.insert(static_cast<std::size_t>(at), 1, ',');
  }
  return text;
}

}  // namespace spanflow
