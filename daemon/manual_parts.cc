#include "manual_parts.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <CLI/CLI.hpp>
#include <string>
#include <vector>

namespace spanflow {
namespace {

// Returns the term for an option, with the markup of ManPage, such as "`-c`, `--config` *FILE*".
std::string term_of(const CLI::Option& option) {
  std::vector<std::string> names;
  for (const std::string& name : option.get_snames()) names.push_back(fmt::format("`-{}`", name));
  for (const std::string& name : option.get_lnames()) names.push_back(fmt::format("`--{}`", name));
  if (names.empty()) return fmt::format("*{}*", option.get_name());
  const std::string& value = option.get_type_name();
  return fmt::format("{}{}", fmt::join(names, ", "), value.empty() ? "" : fmt::format(" *{}*", value));
}

}  // namespace

void add_section(std::string_view heading, std::span<const Definition> items, ManPage& page) {
  page.section(heading);
  for (const Definition& each : items) page.item(each.term, each.meaning);
}

void add_arguments(const CLI::App& command, ManPage& page) {
  const bool is_subcommand = command.get_parent() != nullptr;
  for (const CLI::Option* const option : command.get_options()) {
    if (is_subcommand && option == command.get_help_ptr()) continue;
    page.item(term_of(*option), option->get_description());
  }
}

void add_examples(std::span<const Definition> examples, ManPage& page) {
  page.section("EXAMPLES");
  for (const auto& [command, meaning] : examples) page.item(fmt::format("`{}`", command), meaning);
}

std::string examples_in_help(std::span<const Definition> examples) {
  std::string text = "Examples:\n";
  for (const auto& [command, meaning] : examples) text += fmt::format("  {:<45}  {}\n", command, meaning);
  text.pop_back();
  return text;
}

}  // namespace spanflow
