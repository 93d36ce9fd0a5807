// Memory that is never paged out: what the probe thread touches is there when it is touched again.
#pragma once

#include <optional>
#include <string>

namespace wgbfd {

// Locks what is in use and what comes to be, each page from when it is first touched. A problem, with what to do: then
// nothing is locked. A limit that would let this succeed and later refuse us memory is such a problem.
std::optional<std::string> lock_memory();

// What is free goes back to the kernel. It costs time, and who needs it again must fault it in.
void return_unused();

// From now on what is large and short-lived (all rows of a status) goes back to the kernel when it is freed: locked
// memory that is free inside the heap cannot, however much of it there is.
void return_large_blocks();

}  // namespace wgbfd
