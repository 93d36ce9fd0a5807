#include "frr/told.hpp"

namespace frr {

StateMessage what_to_tell(std::uint32_t lid, const bfd::Status& status, bool shutdown) {
    using enum bfd::State;
    StateMessage out{
        .lid = lid,
        .remote_discriminator = status.remote_discriminator,
        .control_plane_independent = status.remote_control_plane_independent,
        .demand = status.remote_demand,
        .desired_min_tx = status.remote_desired_min_tx,
        .required_min_rx = status.remote_required_min_rx,
        .required_min_echo_rx = status.remote_required_min_echo_rx,
        .state = status.state == init ? down : status.state,
        .diagnostic = status.remote_diagnostic,
        .detect_mult = status.remote_detect_mult,
    };
    if (shutdown || (out.state == down && status.remote_state == admin_down)) out.state = admin_down;
    return out;
}

bool is_news(const std::optional<StateMessage>& told, const StateMessage& next, bool was_up) {
    // A fresh session is Down in bfdd already; saying so again would reset clients that outlived a restart of ours.
    if (!told) return next.state != bfd::State::down || was_up;
    auto same = *told;
    same.diagnostic = next.diagnostic;
    return same != next;
}

}  // namespace frr
