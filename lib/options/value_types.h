// The types of option values. Each type reads a value from a YAML node and shows a value as YAML.
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

// Describes, reads and shows values of one type. The members have the same meaning as in Option.
template <typename T>
struct ValueType {
  std::string expected;
  std::string schema;
  std::function<T(const YAML::Node&)> read;
  std::function<std::string(const T&)> show;
  std::vector<OptionMember> members;
};

// Returns the text of a scalar. For any other node, throws an OptionError with `expected`.
std::string scalar_of(const YAML::Node& node, const std::string& expected);
std::string quoted_list(std::span<const std::string> words);
std::string did_you_mean(const std::string& word, std::span<const std::string> known);
// Sets line, column and `got` of the error from `part`. Changes nothing if the reader of an inner node has already set
// them.
void place(OptionError& error, const YAML::Node& part);

ValueType<bool> boolean();
ValueType<std::uint64_t> whole_number(std::uint64_t least, std::uint64_t most);
ValueType<std::uint64_t> power_of_two(std::uint64_t least, std::uint64_t most);
ValueType<std::uint64_t> size(std::uint64_t least, std::uint64_t most);
ValueType<Nanoseconds> duration(Nanoseconds least);  // at most 100 years
ValueType<Nanoseconds> duration(Nanoseconds least, Nanoseconds most);

// Accepts the values of `type`, and "off", which is stored as 0.
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

// A word from a list. Each word stands for a value.
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

// Returns the type with another text for `expected`, also in its errors.
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

// A key of a mapping, such as a sink's `path`.
template <typename T>
struct MemberOption {
  std::string name;
  std::string help;
  std::string schema;
  std::function<void(T&, const YAML::Node&)> read;
  std::function<std::string(const T&)> show;
  std::string expected;
  std::vector<OptionMember> members;
  std::string of;  // see OptionMember::of
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

// Reads the value of `entry` into the object.
template <typename T, typename Entry>
void read_member(const MemberOption<T>& member, const Entry& entry, T& object) {
  try {
    member.read(object, entry.second);
  } catch (OptionError& error) {
    place(error, entry.second);
    error.name_suffix = "." + member.name + error.name_suffix;
    throw;
  }
}

// Reads a mapping into the object. `complaint` returns the error for an unknown key.
template <typename T>
void read_members(const YAML::Node& node, const std::vector<MemberOption<T>>& members, T& object,
                  const std::function<std::string(const std::string& key)>& complaint) {
  std::set<std::string> seen;
  for (const auto& entry : node) {
    const std::string key = entry.first.Scalar();
    const auto member = std::ranges::find(members, key, &MemberOption<T>::name);
    const bool known = member != members.end();
    if (!known || !seen.insert(key).second) {
      OptionError error{.name_suffix = "." + key, .complaint = known ? "given twice" : complaint(key)};
      place(error, entry.first);
      throw error;
    }
    read_member(*member, entry, object);
  }
}

// Shows the first member, which identifies the object, and the members that differ from the defaults.
template <typename T>
std::string show_members(const std::vector<MemberOption<T>>& members, const T& object) {
  const T defaults;
  std::vector<std::string> shown;
  for (const auto& each : members) {
    if (&each == &members.front() || each.show(object) != each.show(defaults)) {
      shown.push_back(fmt::format("{}: {}", each.name, each.show(object)));
    }
  }
  return fmt::format("{{{}}}", fmt::join(shown, ", "));
}

template <typename T>
std::function<void(T&, const YAML::Node&)> mapping_reader(const std::vector<MemberOption<T>>& members,
                                                          const std::string& expected) {
  std::vector<std::string> names;
  for (const auto& each : members) names.push_back(each.name);
  return [=](T& object, const YAML::Node& node) {
    if (!node.IsMap()) throw OptionError{.expected = expected};
    read_members<T>(node, members, object,
                    [&](const std::string& key) { return "unknown key" + did_you_mean(key, names); });
  };
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
      [read = mapping_reader(members, expected)](const YAML::Node& node) {
        T object;
        read(object, node);
        return object;
      },
      [members](const T& object) { return show_members(members, object); }, std::move(described)};
}

}  // namespace spanflow::values
