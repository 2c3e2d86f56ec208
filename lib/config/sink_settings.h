// The settings of one type of sink. Only the source file of this type of sink knows the C++ type of the settings.
#pragma once

#include <any>
#include <concepts>
#include <utility>

namespace spanflow {

// Holds a struct that can be copied and compared. An empty object means that every setting has its default. With
// std::any instead of a pointer to a base class, SinkConfig stays a plain value like the other parts of Config.
class SinkSettings {
 public:
  SinkSettings() = default;
  template <typename Settings>
  requires(!std::same_as<Settings, SinkSettings>) SinkSettings(Settings settings)
      : value_(std::move(settings)), equal_(equal<Settings>) {}

  // Throws std::bad_any_cast if `Settings` is not the type of the stored struct.
  template <typename Settings>
  const Settings& as() const {
    static const Settings kDefaults;
    return value_.has_value() ? std::any_cast<const Settings&>(value_) : kDefaults;
  }

  template <typename Settings>
  Settings& edit() {
    if (!value_.has_value()) *this = Settings{};
    return std::any_cast<Settings&>(value_);
  }

  // Both operands must be settings of the same type of sink.
  bool operator==(const SinkSettings& other) const {
    const auto equal = equal_ != nullptr ? equal_ : other.equal_;
    return equal == nullptr || equal(*this, other);
  }

 private:
  template <typename Settings>
  static bool equal(const SinkSettings& a, const SinkSettings& b) {
    return a.as<Settings>() == b.as<Settings>();
  }

  std::any value_;
  bool (*equal_)(const SinkSettings&, const SinkSettings&) = nullptr;
};

}  // namespace spanflow
