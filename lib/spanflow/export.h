// Marks the symbols that libspanflow.so exports, and the symbols that a user's shared object with a metric exports.
#pragma once

#define SPANFLOW_EXPORT __attribute__((visibility("default")))
