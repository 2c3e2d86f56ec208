// Stands in for kafka.cc in a build without librdkafka.
#include "sinks/sink.h"

namespace spanflow {

SinkType kafka_sink() {
  return {.name = "kafka",
          .help = "a topic of Apache Kafka; not in this build",
          .target_form = "BROKER:PORT/TOPIC",
          .absence = "kafka: this build of spanflow has no Kafka sink"};
}

}  // namespace spanflow
