// spanflowctl(1).
#pragma once

#include <CLI/App.hpp>
#include <string>

namespace spanflow {

std::string control_examples();  // the end of --help

// As roff; OPTIONS and COMMANDS are those of `app`.
std::string control_manual(const CLI::App& app);

}  // namespace spanflow
