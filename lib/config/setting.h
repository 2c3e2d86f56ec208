// Rows in which a type of sink describes its own options. The rows do not depend on YAML. lib/options makes an option
// from each row.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "base/units.h"
#include "config/sink_settings.h"

namespace spanflow {

// Reads and writes one value of a sink's settings.
template <typename Value>
struct Access {
  std::function<Value(const SinkSettings&)> get;
  std::function<void(SinkSettings&, Value)> set;
};

template <typename Member>
struct OwnerOf;
template <typename Owner, typename Value>
struct OwnerOf<Value Owner::*> {
  using Type = Owner;
};

// Returns the Access to a nested member, as in at<&Settings::tls, &Tls::ca>().
template <auto kFirst, auto... kRest>
auto at() {
  using Settings = typename OwnerOf<decltype(kFirst)>::Type;
  using Value = std::remove_cvref_t<decltype(((std::declval<Settings&>().*kFirst).*....*kRest))>;
  return Access<Value>{[](const SinkSettings& settings) { return ((settings.as<Settings>().*kFirst).*....*kRest); },
                       [](SinkSettings& settings, Value value) {
                         ((settings.edit<Settings>().*kFirst).*....*kRest) = std::move(value);
                       }};
}

struct TextSetting {
  Access<std::string> at;
};

struct FlagSetting {
  Access<bool> at;
};

struct NumberSetting {
  Access<std::uint64_t> at;
  std::uint64_t least;
  std::uint64_t most;
};

// `least` and `most` are limits in octets. `may_be_off`: the value "off" is also allowed, and is stored as 0.
struct SizeSetting {
  Access<std::uint64_t> at;
  std::uint64_t least;
  std::uint64_t most;
  bool may_be_off = false;
};

// Without `most`, the upper limit is 100 years. `may_be_off` is as in SizeSetting.
struct DurationSetting {
  Access<Nanoseconds> at;
  Nanoseconds least;
  std::optional<Nanoseconds> most;
  bool may_be_off = false;
};

// The stored value is the index of the chosen word.
struct ChoiceSetting {
  Access<std::size_t> at;
  std::vector<std::string> words;
};

// Names and values that the sink passes to a library.
struct PropertiesSetting {
  Access<std::map<std::string, std::string>> at;
  std::string expected;
  // Returns the error for this name and value, or an empty text.
  std::string (*complaint)(const std::string& name, const std::string& value);
};

struct Setting;

struct MappingSetting {
  std::string expected;
  std::vector<Setting> members;
};

// Settings of two sink types may have the same name only if they are of the same kind, because the manual lists each
// name once.
struct Setting {
  std::string name;
  std::string help;
  std::variant<TextSetting, FlagSetting, NumberSetting, SizeSetting, DurationSetting, ChoiceSetting, PropertiesSetting,
               MappingSetting>
      kind;
};

// Makes a ChoiceSetting in which each word stands for one value of the member. `values` must contain every value that
// the member can have.
template <typename Value>
ChoiceSetting choice(Access<Value> access, const std::vector<std::pair<std::string, Value>>& values) {
  ChoiceSetting choice;
  for (const auto& [word, value] : values) choice.words.push_back(word);
  choice.at.get = [=](const SinkSettings& settings) {
    std::size_t index = 0;
    while (values[index].second != access.get(settings)) ++index;
    return index;
  };
  choice.at.set = [=](SinkSettings& settings, std::size_t index) { access.set(settings, values[index].second); };
  return choice;
}

}  // namespace spanflow
