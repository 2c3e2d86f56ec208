// Builds the sections that the manual pages of spanflowd and spanflowctl have in common.
#pragma once

#include <CLI/App.hpp>
#include <span>
#include <string_view>

#include "options/man_page.h"

namespace spanflow {

// A term and its explanation. Both may contain the markup of ManPage.
struct Definition {
  std::string_view term;
  std::string_view meaning;
};

void add_section(std::string_view heading, std::span<const Definition> items, ManPage& page);
// Adds an item for each option of the command. Leaves out --help of a subcommand.
void add_arguments(const CLI::App& command, ManPage& page);
// Adds the section EXAMPLES. Each term is a command line without markup.
void add_examples(std::span<const Definition> examples, ManPage& page);
// Returns the examples as text, for the end of --help.
std::string examples_in_help(std::span<const Definition> examples);

}  // namespace spanflow
