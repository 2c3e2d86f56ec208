// The settings that one type of sink has of its own. Only the file of that sink knows their type.
#pragma once

#include <any>
#include <concepts>
#include <utility>

namespace spanflow {

// Holds a value of a struct that can be copied and compared, or nothing: then every setting has its default. A std::any
// rather than a pointer to a base class, so that a SinkConfig stays a plain value that is copied, changed and compared
// as the rest of a Config.
class SinkSettings {
 public:
  SinkSettings() = default;
  template <typename Settings>
  requires(!std::same_as<Settings, SinkSettings>) SinkSettings(Settings settings)
      : value_(std::move(settings)), equal_(equal<Settings>) {}

  // `Settings` is the struct that was put in; another one throws std::bad_any_cast.
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

  // Both must belong to the same type of sink.
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
