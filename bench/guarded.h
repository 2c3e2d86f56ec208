// The error handling around main() of the programs in bench/.
#pragma once

#include <exception>
#include <iostream>

namespace spanflow::bench {

// Calls `run`. An exception is printed to standard error after the program's name, and gives exit code 1.
inline int guarded(const char* program, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace spanflow::bench
