// What the manual pages of the programs have in common.
#pragma once

#include <CLI/App.hpp>
#include <span>
#include <string_view>

#include "options/man_page.h"

namespace spanflow {

// Both with the markup of a ManPage.
struct Explained {
  std::string_view what;
  std::string_view meaning;
};

void add_section(std::string_view heading, std::span<const Explained> items, ManPage& page);
// An item for each option of the command.
void add_arguments(const CLI::App& command, ManPage& page);
// EXAMPLES, of commands without markup.
void add_examples(std::span<const Explained> examples, ManPage& page);
// The same for the end of --help.
std::string examples_in_help(std::span<const Explained> examples);

}  // namespace spanflow
