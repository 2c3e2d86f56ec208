// The kinds of value that an option can have: each reads a YAML node, and shows the value as one.
#pragma once

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <yaml-cpp/yaml.h>

#include <algorithm>
#include <functional>
#include <set>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "base/units.h"
#include "options/options.h"

namespace spanflow::values {

// A value type: what it expects, its schema, how it is read from a scalar and shown as one. Options differ
// only in which member they bind and in bounds.
template <typename T>
struct ValueType {
  std::string expected;
  std::string schema;
  std::function<T(const YAML::Node&)> read;
  std::function<std::string(const T&)> show;
  std::vector<OptionMember> members;
};

// The text of a scalar; throws that something else was expected.
std::string scalar_of(const YAML::Node& node, const std::string& expected);
std::string quoted_list(std::span<const std::string> words);
std::string did_you_mean(const std::string& word, std::span<const std::string> known);
// Says that the error is about this part of the value, unless it is about a part of the part.
void place(OptionError& error, const YAML::Node& part);

ValueType<bool> boolean();
ValueType<std::uint64_t> whole_number(std::uint64_t least, std::uint64_t most);
ValueType<std::uint64_t> power_of_two(std::uint64_t least, std::uint64_t most);
ValueType<std::uint64_t> size(std::uint64_t least, std::uint64_t most);
ValueType<Nanoseconds> duration(Nanoseconds least);
// "off" is kept as 0.
ValueType<Nanoseconds> duration(Nanoseconds least, Nanoseconds most);

// "off" is kept as 0.
template <typename T>
ValueType<T> or_off(const ValueType<T>& type) {
  const std::string expected = "off, or " + type.expected;
  return {expected, fmt::format(R"("oneOf": [{{"enum": ["off", false]}}, {{{}}}])", type.schema),
          [=](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            if (text == "off" || text == "false") return T{0};
            try {
              return type.read(node);
            } catch (const OptionError&) {
              throw OptionError{.expected = expected};
            }
          },
          [=](const T& value) { return value == T{0} ? "off" : type.show(value); }};
}
ValueType<std::string> text();
ValueType<std::string> word_of(const std::vector<std::string>& words);

// One word out of a list, each standing for a value.
template <typename T>
ValueType<T> choice(std::vector<std::pair<std::string, T>> values) {
  std::vector<std::string> words;
  std::vector<std::string> shown;
  for (const auto& [word, value] : values) {
    words.push_back(word);
    shown.push_back(word.empty() ? R"("")" : word);
  }
  const std::string expected = fmt::format("one of {}", fmt::join(shown, ", "));
  return {expected, fmt::format(R"("enum": [{}])", quoted_list(words)),
          [=](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            for (const auto& [word, value] : values) {
              if (word == text) return value;
            }
            throw OptionError{.expected = expected, .hint = did_you_mean(text, words)};
          },
          [=](const T& value) {
            for (const auto& [word, known] : values) {
              if (known == value) return word;
            }
            return std::string{};
          }};
}

template <typename T>
ValueType<T> described_as(const std::string& expected, ValueType<T> type) {
  type.expected = expected;
  type.read = [expected, read = type.read](const YAML::Node& node) {
    try {
      return read(node);
    } catch (OptionError& error) {
      error.expected = expected;
      throw;
    }
  };
  return type;
}

template <typename T>
ValueType<std::vector<T>> list_of(const ValueType<T>& item) {
  const std::string expected = fmt::format("a list, each item {}", item.expected);
  return {expected, fmt::format(R"("type": "array", "items": {{{}}})", item.schema),
          [=](const YAML::Node& node) {
            if (!node.IsSequence()) throw OptionError{.expected = expected};
            std::vector<T> values;
            for (const YAML::Node& element : node) {
              try {
                values.push_back(item.read(element));
              } catch (OptionError& error) {
                place(error, element);
                error.name_suffix = fmt::format("[{}]{}", values.size(), error.name_suffix);
                throw;
              }
            }
            return values;
          },
          [=](const std::vector<T>& values) {
            std::vector<std::string> shown;
            for (const T& value : values) shown.push_back(item.show(value));
            return fmt::format("[{}]", fmt::join(shown, ", "));
          },
          item.members};
}

// A mapping of its own options, such as one sink.
template <typename T>
struct MemberOption {
  std::string name;
  std::string help;
  std::string schema;
  std::function<void(T&, const YAML::Node&)> read;
  std::function<std::string(const T&)> show;
  std::string expected;
  std::vector<OptionMember> members;
  std::string of;  // as in OptionMember
};

template <typename T, typename V>
MemberOption<T> member(std::string name, V T::*place, const ValueType<V>& type, std::string help) {
  return {std::move(name),
          std::move(help),
          type.schema,
          [=](T& object, const YAML::Node& node) { object.*place = type.read(node); },
          [=](const T& object) { return type.show(object.*place); },
          type.expected,
          type.members};
}

template <typename T>
ValueType<T> mapping(const std::vector<MemberOption<T>>& members, const std::string& what) {
  std::vector<std::string> names;
  std::vector<std::string> schemas;
  std::vector<OptionMember> described;
  for (const auto& each : members) {
    names.push_back(each.name);
    schemas.push_back(fmt::format(R"("{}": {{{}, "description": "{}"}})", each.name, each.schema, each.help));
    described.push_back({.name = each.name,
                         .expected = each.expected,
                         .help = each.help,
                         .initial = each.show(T{}),
                         .of = each.of,
                         .members = each.members});
  }
  const std::string expected = fmt::format("{} with {}", what, fmt::join(names, ", "));
  return {
      expected,
      fmt::format(R"("type": "object", "additionalProperties": false, "properties": {{{}}})", fmt::join(schemas, ", ")),
      [=](const YAML::Node& node) {
        if (!node.IsMap()) throw OptionError{.expected = expected};
        T object;
        std::set<std::string> seen;
        for (const auto& entry : node) {
          const std::string key = entry.first.Scalar();
          const auto found = std::find(names.begin(), names.end(), key);
          const bool known = found != names.end();
          if (!known || !seen.insert(key).second) {
            OptionError error{.name_suffix = "." + key,
                              .complaint = known ? "given twice" : "unknown key" + did_you_mean(key, names)};
            place(error, entry.first);
            throw error;
          }
          try {
            members[static_cast<std::size_t>(found - names.begin())].read(object, entry.second);
          } catch (OptionError& error) {
            place(error, entry.second);
            error.name_suffix = "." + key + error.name_suffix;
            throw;
          }
        }
        return object;
      },
      [=](const T& object) {
        const T defaults;
        std::vector<std::string> shown;
        for (const auto& each : members) {
          // The first member says what it is; of the rest only what differs from the defaults.
          if (&each == &members.front() || each.show(object) != each.show(defaults)) {
            shown.push_back(fmt::format("{}: {}", each.name, each.show(object)));
          }
        }
        return fmt::format("{{{}}}", fmt::join(shown, ", "));
      },
      std::move(described)};
}

}  // namespace spanflow::values
