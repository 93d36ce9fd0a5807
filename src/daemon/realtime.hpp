// Asks for what keeps the probe thread in time: memory that stays, and the priority and the CPU of [process]. What the
// host refuses is a problem told in status and in the log, with what to do, and keeps nobody from probing.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "config/config.hpp"
#include "daemon/memory.hpp"
#include "net/loop.hpp"

namespace wgbfd {

class Realtime {
public:
    void follow(net::Loop& loop, const config::Process& wish);  // harmless when nothing changed
    const std::vector<std::string>& problems() const { return problems_; }

private:
    const std::optional<std::string> memory_problem_ = lock_memory();
    std::vector<std::string> problems_;
};

// What is told of a wish that was refused.
std::vector<std::string> problems_of(const config::Process& wish, const net::SchedulingRefused& refused);

}  // namespace wgbfd
