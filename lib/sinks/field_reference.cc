#include "sinks/field_reference.h"

#include <fmt/format.h>

#include <array>
#include <cctype>

#include "sinks/field_table.h"

namespace spanflow {
namespace {

std::string_view group_name(FieldGroup group) {
  constexpr std::array<std::string_view, 13> kNames = {"classic",
                                                       "full",
                                                       "full, when captured live",
                                                       "full, with decode.tunnels",
                                                       "full, with dpi.enabled",
                                                       "full, with dpi.metadata",
                                                       "full, with features.names or dpi.metadata",
                                                       "full, with features.names",
                                                       "full, with features.dns_names",
                                                       "full, with features.statistics",
                                                       "nfstream, with features.statistics",
                                                       "full, with features.splt",
                                                       "full, with features.tcp"};
  static_assert(kNames.size() == static_cast<std::size_t>(FieldGroup::kTcp) + 1);
  return kNames[static_cast<std::size_t>(group)];
}

bool is_letter(char c) { return std::isalpha(static_cast<unsigned char>(c)) != 0; }

// True if the text has the word as a whole word. The text "response" does not have the word "ns".
bool has_word(std::string_view text, std::string_view word) {
  for (std::size_t at = text.find(word); at != std::string_view::npos; at = text.find(word, at + 1)) {
    const std::string_view after = text.substr(at + word.size());
    if ((at == 0 || !is_letter(text[at - 1])) && (after.empty() || !is_letter(after.front()))) return true;
  }
  return false;
}

// Returns the unit for the end of the help, such as " (ns)". Returns an empty text if the field has no unit, or if the
// help already names the unit.
std::string unit_in_brackets(const Field& field) {
  return field.unit.empty() || has_word(field.help, field.unit) ? "" : fmt::format(" ({})", field.unit);
}

// Returns the type of the field's values in Python.
std::string python_type(const Field& field) {
  const auto type = [&field]() -> std::string_view {
    switch (field.type) {
      case FieldType::kReal:
        return "float";
      case FieldType::kText:
      case FieldType::kLabel:
      case FieldType::kAddress:
        return "str";
      case FieldType::kEarlyPackets:
        return "list[int]";
      case FieldType::kTexts:
        return "list[str]";
      default:
        return "int";
    }
  }();
  return fmt::format("{}{}", type, field.may_be_missing ? " | None" : "");
}

}  // namespace

std::string list_fields() {
  std::string text =
      "| field | unit | in | meaning | IPFIX |\n"
      "| --- | --- | --- | --- | --- |\n";
  for (const Field& field : fields()) {
    text += fmt::format("| `{}` | {} | {} | {} | {} |\n", field.name, field.unit, group_name(field.group), field.help,
                        field.ipfix);
  }
  return text;
}

std::string list_fields_as_proto() {
  std::string text =
      "// A flow record, as Kafka sinks with `value: protobuf` write it. Fields may be added; a number keeps its "
      "meaning.\n"
      "syntax = \"proto3\";\n\n"
      "package spanflow;\n\n"
      "message Flow {\n";
  for (const std::uint16_t number : kRetiredNumbers) text += fmt::format("  reserved {};\n", number);
  for (const Field& field : fields()) {
    text += fmt::format("  // {}{}\n  {} {} = {};\n", field.help, unit_in_brackets(field), field.proto_type, field.name,
                        field.number);
  }
  return text +
         fmt::format("  // the user's metrics, by name\n  map<string, double> metrics = {};\n}}\n", kMetricsNumber);
}

std::string list_fields_as_stub() {
  std::string text =
      "# The fields of a flow, for tools that check the types of Python programs. spanflowd --list-fields python "
      "writes "
      "this file.\n"
      "class Fields:\n";
  for (const Field& field : fields()) {
    text += fmt::format("    @property\n    def {}(self) -> {}: ...\n", field.name, python_type(field));
  }
  return text;
}

}  // namespace spanflow
