// The error handling of main() in the programs of bench/.
#pragma once

#include <exception>
#include <iostream>

namespace spanflow::bench {

// Calls `run` and returns its exit code. If `run` throws, prints the program's name and the message to standard error
// and returns 1.
inline int guarded(const char* program, int (*run)(int, char**), int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::cerr << program << ": " << error.what() << '\n';
    return 1;
  }
}

}  // namespace spanflow::bench
