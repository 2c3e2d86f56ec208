// Sections that the manual pages of spanflowd and spanflowctl share.
#pragma once

#include <CLI/App.hpp>
#include <span>
#include <string_view>

#include "options/man_page.h"

namespace spanflow {

// A term and its text. Both may have the markup of a ManPage.
struct Definition {
  std::string_view term;
  std::string_view meaning;
};

void add_section(std::string_view heading, std::span<const Definition> items, ManPage& page);
// Adds an item for each option of the command.
void add_arguments(const CLI::App& command, ManPage& page);
// Adds the section EXAMPLES. The terms are commands without markup.
void add_examples(std::span<const Definition> examples, ManPage& page);
// The examples as text, for the end of --help.
std::string examples_in_help(std::span<const Definition> examples);

}  // namespace spanflow
