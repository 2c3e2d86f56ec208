#include "config/describe.h"

#include <fmt/format.h>

#include <map>

#include "config/options.h"

namespace spanflow {
namespace {

struct SplitName {
  std::string section;  // empty for an option on the top level
  std::string key;
};

SplitName split(const std::string& name) {
  const auto dot = name.find('.');
  if (dot == std::string::npos) return {"", name};
  return {name.substr(0, dot), name.substr(dot + 1)};
}

std::string json_text(const std::string& text) {
  std::string out;
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  return out;
}

}  // namespace

std::string dump_config(const Config& config) {
  std::string out =
      "# yaml-language-server: $schema=spanflow.schema.json\n"
      "# Every option of spanflowd. What is left out has the value that `spanflowd --dump-config` shows.\n";
  std::string section;
  for (const Option& option : options()) {
    const auto [its_section, key] = split(option.name);
    if (its_section != section || its_section.empty()) out += '\n';
    if (its_section != section && !its_section.empty()) out += its_section + ":\n";
    section = its_section;
    const std::string indent = section.empty() ? "" : "  ";
    out +=
        fmt::format("{}# {} ({})\n{}{}: {}\n", indent, option.help, option.expected, indent, key, option.show(config));
  }
  return out;
}

std::string list_options() {
  const Config defaults;
  std::string out =
      "| option | default | expected | meaning |\n"
      "| --- | --- | --- | --- |\n";
  for (const Option& option : options()) {
    out += fmt::format("| `{}` | `{}` | {} | {} |\n", option.name, option.show(defaults), option.expected, option.help);
  }
  return out;
}

std::string config_schema() {
  const Config defaults;
  std::map<std::string, std::string> sections;
  std::string top_level;
  for (const Option& option : options()) {
    const auto [section, key] = split(option.name);
    std::string& properties = section.empty() ? top_level : sections[section];
    properties +=
        fmt::format("{}\n      \"{}\": {{{}, \"description\": \"{} (default: {})\"}}", properties.empty() ? "" : ",",
                    key, option.schema, json_text(option.help), json_text(option.show(defaults)));
  }
  for (const auto& [section, properties] : sections) {
    top_level += fmt::format(
        ",\n      \"{}\": {{\"type\": [\"object\", \"null\"], \"additionalProperties\": false, \"properties\": "
        "{{{}}}}}",
        section, properties);
  }
  return fmt::format(
      "{{\n"
      "  \"$schema\": \"http://json-schema.org/draft-07/schema#\",\n"
      "  \"title\": \"spanflowd configuration\",\n"
      "  \"type\": \"object\",\n"
      "  \"additionalProperties\": false,\n"
      "  \"properties\": {{{}\n  }}\n}}\n",
      top_level);
}

}  // namespace spanflow
