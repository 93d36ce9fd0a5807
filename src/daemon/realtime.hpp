// [process]: asks for the priority and the CPU of the probe thread. What the host refuses is a problem told in status
// and in the log, with what to do, and keeps nobody from probing.
#pragma once

#include <string>
#include <vector>

#include "config/config.hpp"
#include "net/loop.hpp"

namespace wgbfd {

class Realtime {
public:
    void follow(net::Loop& loop, const config::Process& wish);  // harmless when nothing changed
    const std::vector<std::string>& problems() const { return problems_; }

private:
    std::vector<std::string> problems_;
};

// What is told of a wish that was refused.
std::vector<std::string> problems_of(const config::Process& wish, const net::SchedulingRefused& refused);

}  // namespace wgbfd
