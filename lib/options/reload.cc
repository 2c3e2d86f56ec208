#include "options/reload.h"

#include "options/options.h"

namespace spanflow {

Changes take_over(const Config& wanted, Config& running) {
  Changes changes;
  for (const Option& option : options()) {
    if (option.show(wanted) == option.show(running)) continue;
    if (option.reloads) {
      option.copy(wanted, running);
      changes.made.push_back(option.name);
    } else {
      changes.need_restart.push_back(option.name);
    }
  }
  return changes;
}

}  // namespace spanflow
