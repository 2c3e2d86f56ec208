#include "options/value_types.h"

#include <bit>
#include <charconv>

#include "options/nearest_word.h"
#include "options/yaml_scalar.h"

namespace spanflow::values {

std::string scalar_of(const YAML::Node& node, const std::string& expected) {
  if (!node.IsScalar()) throw OptionError{.expected = expected};
  // The C functions that get the text would take it for the end.
  if (node.Scalar().find('\0') != std::string::npos) throw OptionError{.complaint = "contains a NUL character"};
  return node.Scalar();
}

ValueType<bool> boolean() {
  const std::string expected = "true or false";
  return {expected, R"("type": "boolean")",
          [expected](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            if (text == "true" || text == "yes" || text == "on") return true;
            if (text == "false" || text == "no" || text == "off") return false;
            throw OptionError{.expected = expected};
          },
          [](const bool& value) { return value ? "true" : "false"; }};
}

ValueType<std::uint64_t> whole_number(std::uint64_t least, std::uint64_t most) {
  const std::string expected = fmt::format("a whole number from {} to {}", least, most);
  return {expected, fmt::format(R"("type": "integer", "minimum": {}, "maximum": {})", least, most),
          [=](const YAML::Node& node) {
            const std::string text = scalar_of(node, expected);
            std::uint64_t value = 0;
            const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
            if (error != std::errc{} || end != text.data() + text.size() || value < least || value > most) {
              throw OptionError{.expected = expected};
            }
            return value;
          },
          [](const std::uint64_t& value) { return std::to_string(value); }};
}

ValueType<std::uint64_t> power_of_two(std::uint64_t least, std::uint64_t most) {
  auto type = whole_number(least, most);
  type.expected = fmt::format("a power of two from {} to {}", least, most);
  type.read = [read = type.read, expected = type.expected](const YAML::Node& node) {
    const std::uint64_t value = read(node);
    if (!std::has_single_bit(value)) throw OptionError{.expected = expected};
    return value;
  };
  return type;
}

ValueType<std::uint64_t> size(std::uint64_t least, std::uint64_t most) {
  const std::string expected =
      fmt::format("a size such as 64MiB, from {} to {}", format_size(least), format_size(most));
  return {expected, R"("type": ["string", "integer"], "pattern": "^[0-9.]+ ?([kMGT]?B|[KMGT]iB)?$")",
          [=](const YAML::Node& node) {
            const auto value = parse_size(scalar_of(node, expected));
            if (!value || *value < least || *value > most) throw OptionError{.expected = expected};
            return *value;
          },
          [](const std::uint64_t& value) { return format_size(value); }};
}

ValueType<Nanoseconds> duration(Nanoseconds least) {
  constexpr Nanoseconds kMost = std::chrono::hours{24} * 365 * 100;
  const std::string expected = fmt::format("a duration with its unit, such as 120s, 2m or 500ms{}",
                                           least.count() > 0 ? ", of at least " + format_duration(least) : "");
  return {expected, R"("type": ["string", "integer"], "pattern": "^([0-9.]+ ?(ns|us|ms|s|m|h|d)|0)$")",
          [=](const YAML::Node& node) {
            const auto value = parse_duration(scalar_of(node, expected));
            if (!value || *value < least || *value > kMost) throw OptionError{.expected = expected};
            return *value;
          },
          [](const Nanoseconds& value) { return format_duration(value); }};
}

ValueType<Nanoseconds> duration(Nanoseconds least, Nanoseconds most) {
  const std::string expected = fmt::format("a duration such as {}, from {} to {}", format_duration(10 * least),
                                           format_duration(least), format_duration(most));
  return {expected, R"("type": "string", "pattern": "^[0-9.]+ ?(ns|us|ms|s|m|h|d)$")",
          [=](const YAML::Node& node) {
            const auto value = parse_duration(scalar_of(node, expected));
            if (!value || *value < least || *value > most) throw OptionError{.expected = expected};
            return *value;
          },
          [](const Nanoseconds& value) { return format_duration(value); }};
}

ValueType<std::string> text() {
  const std::string expected = "text";
  return {expected, R"("type": "string")", [expected](const YAML::Node& node) { return scalar_of(node, expected); },
          [](const std::string& value) { return yaml_scalar(value); }};
}

std::string quoted_list(std::span<const std::string> words) {
  std::vector<std::string> quoted;
  for (const std::string& word : words) quoted.push_back('"' + word + '"');
  return fmt::format("{}", fmt::join(quoted, ", "));
}

std::string did_you_mean(const std::string& word, std::span<const std::string> known) {
  const std::string near = nearest(word, known);
  return near.empty() ? "" : fmt::format(", did you mean {}?", near);
}

ValueType<std::string> word_of(const std::vector<std::string>& words) {
  std::vector<std::pair<std::string, std::string>> pairs;
  for (const std::string& word : words) pairs.emplace_back(word, word);
  return choice(std::move(pairs));
}

void place(OptionError& error, const YAML::Node& part) {
  if (error.line >= 0) return;
  error.line = part.Mark().line;
  error.column = part.Mark().column;
  error.got = described(part);
}

}  // namespace spanflow::values
