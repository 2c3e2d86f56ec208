// The texts of --help and of spanflowctl(1). The texts for single arguments are in main.cc.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace spanflow {

// Returns the examples at the end of --help.
std::string control_examples();

// Returns spanflowctl(1) as roff. The sections OPTIONS and COMMANDS describe the arguments and subcommands of `app`.
std::string control_manual(const CLI::App& app);

}  // namespace spanflow
