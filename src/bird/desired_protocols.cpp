#include "bird/desired_protocols.hpp"

#include <set>

namespace bird {

DesiredProtocols desired_protocols(std::span<const policy::Wanted> all) {
    DesiredProtocols out;
    std::set<std::string> alive;
    for (const auto& wanted : all) {
        const auto& name = wanted.adjacency.bird_protocol;
        if (name.empty()) {
            out.unnamed.push_back(wanted.adjacency.name);
            continue;
        }
        auto& desired = out.protocols[name];
        desired.adjacencies.push_back(wanted.id);
        if (wanted.live) alive.insert(name);
        if (!wanted.counts_as_down || desired.down) continue;
        desired.down = true;
        const auto cause = wanted.verdict.cause ? to_string(*wanted.verdict.cause) : std::string_view{"down"};
        desired.message = clean_message("wgbfd: " + wanted.adjacency.name + " is down (" + std::string{cause} + ")");
    }
    for (const auto& name : alive) out.protocols[name].down = false;
    return out;
}

Step next_step(bool want_down, const std::optional<std::string>& ours, bool overruled, const Protocol& shown) {
    if (!ours) return want_down && !overruled && shown.is_enabled() ? Step::disable : Step::none;
    if (shown.is_enabled() || shown.message != *ours) return Step::let_go;
    return want_down ? Step::none : Step::enable;
}

}  // namespace bird
