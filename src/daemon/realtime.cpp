#include "daemon/realtime.hpp"

#include <cerrno>
#include <cstring>

namespace wgbfd {

std::vector<std::string> problems_of(const config::Process& wish, const net::SchedulingRefused& refused) {
    std::vector<std::string> out;
    if (refused.priority != 0) {
        auto text = "[process] priority = " + std::to_string(wish.priority) + ": " + std::strerror(refused.priority) +
                    ": the probe thread keeps the priority it has";
        if (refused.priority == EPERM)
            text +=
                "; run wgbfd as root, or give it CAP_SYS_NICE (systemd: CapabilityBoundingSet= and "
                "AmbientCapabilities=CAP_SYS_NICE) or LimitRTPRIO=" +
                std::to_string(wish.priority);
        out.push_back(std::move(text));
    }
    if (refused.cpu != 0) {
        auto text = "[process] cpu" + (wish.cpu ? " = " + std::to_string(*wish.cpu) : std::string{}) + ": " +
                    std::strerror(refused.cpu) + ": the probe thread runs where it ran";
        if (refused.cpu == EINVAL)
            text +=
                "; this host has no such CPU, or wgbfd is kept from it (systemd: AllowedCPUs=, or a cpuset); "
                "`lscpu -e` lists them";
        out.push_back(std::move(text));
    }
    return out;
}

void Realtime::follow(net::Loop& loop, const config::Process& wish) {
    problems_ = problems_of(wish, loop.schedule({.priority = wish.priority, .cpu = wish.cpu}));
    if (memory_problem_) problems_.push_back(*memory_problem_);
}

}  // namespace wgbfd
