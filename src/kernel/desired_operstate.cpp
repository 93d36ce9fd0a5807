#include "kernel/desired_operstate.hpp"

#include <set>

namespace kernel {

std::map<std::string, DesiredOperstate> desired_operstates(std::span<const policy::Wanted> all) {
    std::map<std::string, DesiredOperstate> out;
    std::set<std::string> alive;
    for (const auto& wanted : all) {
        auto& desired = out[wanted.adjacency.interface];
        desired.peers.push_back(wanted.id);
        desired.dormant = desired.dormant || wanted.counts_as_down;
        if (wanted.live) alive.insert(wanted.adjacency.interface);
    }
    for (const auto& interface : alive) out[interface].dormant = false;
    return out;
}

}  // namespace kernel
