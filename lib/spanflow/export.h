// Marks what libspanflow.so exports, and what a shared object with a metric exports for spanflow.
#pragma once

#define SPANFLOW_EXPORT __attribute__((visibility("default")))
