// The texts of --help and of spanflowd(8). The texts for single arguments are in command_line.cc.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace spanflow {

// Returns the examples at the end of --help.
std::string daemon_examples();

// Returns spanflowd(8) as roff. The section OPTIONS describes the arguments of `app`.
std::string daemon_manual(const CLI::App& app);

}  // namespace spanflow
