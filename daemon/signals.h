// What the process has been told by signals. There is one, from before anything is set up.
#pragma once

namespace spanflow {

class Signals {
 public:
  // SIGINT and SIGTERM ask for a stop, SIGUSR1 for new files, SIGHUP for a reload. Without a configuration file there
  // is nothing to read again, and SIGHUP is the end of somebody's terminal: a stop.
  explicit Signals(bool has_config_file);

  bool stop_requested() const;
  // Each request is given once.
  bool take_rotation();
  bool take_reload();
};

}  // namespace spanflow
