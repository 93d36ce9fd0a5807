// What is wrong between bfdd and us, in one line with the fix.
#pragma once

#include <string>

namespace frr {

std::string connect_problem(const std::string& address, int error);
std::string lost_problem(const std::string& address, const std::string& why);
std::string silent_problem(const std::string& address);

}  // namespace frr
