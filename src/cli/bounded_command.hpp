// Runs a program and takes what it prints, for at most so long: one that hangs is killed.
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "base/result.hpp"

namespace cli {

// The error says why there is no output: not installed, status, out of time.
base::Result<std::string, std::string> run_bounded(const std::vector<std::string>& arguments,
                                                   std::chrono::milliseconds at_most);

}  // namespace cli
