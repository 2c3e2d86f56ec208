// Memory for the end of a run that finds no more memory.
#pragma once

namespace spanflow {

// Holds back address space. From now on, an allocation that finds no memory (operator new and allocate() in
// base/allocation.h) takes a part of the reserve and tries again. If nothing is left of the reserve, the process ends
// with one line and exit code 1. To be called once, before other threads run.
void hold_memory_reserve();

// True once an allocation has needed the reserve. The run has to end. Thread-safe.
bool memory_ran_out();

}  // namespace spanflow
