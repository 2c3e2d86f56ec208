#include "options/describe.h"

#include <fmt/format.h>

#include <map>

#include "options/man_page.h"
#include "options/options.h"

namespace spanflow {
namespace {

struct SplitName {
  std::string section;  // empty: the option is on the top level
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

bool is_something(const std::string& value) {
  return !value.empty() && value != "\"\"" && value != "[]" && value != "{}";
}

std::string explained(const Option& option) { return option.help + (option.reloads ? "; changes on reload" : ""); }

// Returns name and default value: "`flow.capacity`: 128000". For a mapping, returns only the name, because the
// mapping's keys follow as items.
std::string term(const std::string& name, const std::string& initial, const std::vector<OptionMember>& members) {
  return fmt::format("`{}`{}", name, is_something(initial) && members.empty() ? ": " + initial : "");
}

// Returns the help and the expected value. Leaves out the list of a mapping's keys, because the keys follow as items.
std::string meaning(const std::string& help, const std::string& expected, const std::vector<OptionMember>& members) {
  if (expected == "text") return help;
  return fmt::format("{} ({})", help, members.empty() ? expected : expected.substr(0, expected.find(" with ")));
}

void add_members(const std::vector<OptionMember>& members, ManPage& page) {
  if (members.empty()) return;
  page.begin_nested();
  for (const OptionMember& each : members) {
    page.item(term(each.name, each.initial, each.members) + (each.of.empty() ? "" : fmt::format(" ({})", each.of)),
              meaning(each.help, each.expected, each.members));
    add_members(each.members, page);
  }
  page.end_nested();
}

void add_options(ManPage& page) {
  const Config defaults;
  std::string heading;
  for (const Option& option : options()) {
    const auto [section, key] = split(option.name);
    const std::string on_top_level = option.members.empty() ? "general" : option.name;
    const std::string& its_heading = section.empty() ? on_top_level : section;
    if (its_heading != heading) page.subsection(its_heading);
    heading = its_heading;
    page.item(term(option.name, option.show(defaults), option.members),
              meaning(explained(option), option.expected, option.members));
    add_members(option.members, page);
  }
}

}  // namespace

std::string dump_config(const Config& config) {
  std::string out =
      "# yaml-language-server: $schema=spanflow.schema.json\n"
      "# All options of spanflowd. `spanflowd --dump-config` shows the defaults of options that are left out.\n";
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
    out += fmt::format("| `{}` | `{}` | {} | {} |\n", option.name, option.show(defaults), option.expected,
                       explained(option));
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

std::string options_manual(std::string_view version) {
  ManPage page({.name = "spanflow.yaml", .section = 5, .version = version, .summary = "configuration of spanflowd"});
  page.section("DESCRIPTION");
  page.paragraph(
      "`spanflowd -c` reads one file in YAML. Each option below can also be given by its dotted name on the command "
      "line: `-s flow.capacity=1000000`. In the file the dot is a level: `flow: {capacity: 1000000}`. Later settings "
      "win: "
      "defaults, then the file, then `-s`, then the other arguments. An unknown key or a wrong value is an error that "
      "names line and column.");
  page.paragraph(
      "Durations have a unit: `120s`, `2m`, `500ms`. Sizes may have one: `64MiB`, `1GB`, `4096`. Each option is listed "
      "with its default, its meaning and, in brackets, the values it takes.");
  page.section("OPTIONS");
  add_options(page);
  page.section("FILES");
  page.item("`/etc/spanflow/spanflow.yaml`", "read by `spanflowd.service`");
  page.item("`/etc/spanflow/`*NAME*`.yaml`", "read by `spanflowd@`*NAME*`.service`");
  page.section("EXAMPLES");
  page.paragraph("Every flow of a span port to compressed files of five minutes each:");
  page.example(
      "input:\n"
      "  interface: eth1\n"
      "flow:\n"
      "  capacity: 500000\n"
      "  inactive_timeout: 60s\n"
      "sinks:\n"
      "  - type: csv\n"
      "    path: /var/log/spanflow/spanflow/flows-%Y%m%dT%H%M%SZ.csv.zst\n"
      "    rotate_every: 5m\n");
  page.paragraph("Check a file before the service reads it:");
  page.example("spanflowd -c /etc/spanflow/spanflow.yaml --check-config\n");
  page.section("SEE ALSO");
  page.paragraph("`spanflowd`(8), `pcap-filter`(7), `strftime`(3)");
  return page.text();
}

}  // namespace spanflow
