// The texts of --help and of spanflowctl(1), except the help of the arguments.
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace spanflow {

// The examples at the end of --help.
std::string control_examples();

// spanflowctl(1) as roff. Its OPTIONS and COMMANDS are those of `app`.
std::string control_manual(const CLI::App& app);

}  // namespace spanflow
