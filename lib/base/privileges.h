// Gives up the rights of root after the start.
#pragma once

#include <string>

namespace spanflow {

// Sees to it that this thread, and all threads that it makes from now on, can gain no rights by starting a program, and
// that no capability outlives become_user(). Call it before any other thread exists. Throws RunError.
void limit_privileges();

// Makes all threads of the process run as this user, with the user's groups and without capabilities. Throws
// ConfigError if there is no such user, and RunError if the process may not change its user.
void become_user(const std::string& name);

}  // namespace spanflow
